"""Headless Chromium over its DevTools pipe: no library, no port, no network."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome')


def find():
    """The browser of this machine, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One tab. ``events`` holds its requests and errors."""

    def __init__(self, program):
        self.events, self._left, self._number, self._session = [], b'', 0, None
        self._profile = tempfile.mkdtemp(prefix='browser')
        out_child, self._out = os.pipe()
        self._in, in_child = os.pipe()
        # The pipe's ends are 3 and 4, by Chromium's rule.
        script = f'exec "$0" "$@" 3<&{out_child} 4>&{in_child}'
        flags = [
            '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
            '--remote-debugging-pipe', '--no-first-run', '--disable-background-networking',
            f'--user-data-dir={self._profile}', 'about:blank',
        ]  # fmt: skip
        self._process = subprocess.Popen(
            ['bash', '-c', script, program, *flags],
            pass_fds=(out_child, in_child), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(out_child)
        os.close(in_child)
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        attached = self.call('Target.attachToTarget', targetId=target, flatten=True)
        self._session = attached['sessionId']
        for domain in ('Page', 'Runtime', 'Network', 'Log'):
            self.call(f'{domain}.enable')

    def close(self):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method, **params):
        """Send a command and wait for its answer."""
        self._number += 1
        message = {'id': self._number, 'method': method, 'params': params}
        if self._session:
            message['sessionId'] = self._session
        os.write(self._out, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._read()
            if answer.get('id') == self._number:
                assert 'error' not in answer, (method, answer['error'])
                return answer['result']
            self.events.append(answer)

    def _read(self, seconds=30):
        end = time.monotonic() + seconds
        while b'\0' not in self._left:
            ready, _, _ = select.select([self._in], [], [], max(end - time.monotonic(), 0))
            assert ready, f'no message from the browser for {seconds} seconds'
            piece = os.read(self._in, 2**20)
            assert piece, 'the browser has ended'
            self._left += piece
        message, _, self._left = self._left.partition(b'\0')
        return json.loads(message)

    def open(self, url, *, width=1280, height=900, scheme='light'):
        """Show a page at a width, in a colour scheme, and wait until it is there."""
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
        features = [
            {'name': 'prefers-color-scheme', 'value': scheme},
            # During a transition the measured colour would be an intermediate one.
            {'name': 'prefers-reduced-motion', 'value': 'reduce'},
        ]
        self.call('Emulation.setEmulatedMedia', features=features)
        self.events.clear()
        self.call('Page.navigate', url=url)
        while not any(event['method'] == 'Page.loadEventFired' for event in self.events):
            self.events.append(self._read())

    def run(self, script):
        """The value of an expression in the page."""
        result = self.call('Runtime.evaluate', expression=script, returnByValue=True,
                           awaitPromise=True)  # fmt: skip
        assert 'exceptionDetails' not in result, result['exceptionDetails']
        return result['result'].get('value')

    def press(self, key, *, shift=False):
        """Press a key and let it go."""
        codes = {'Tab': 9, 'Enter': 13, 'Escape': 27, ' ': 32}
        text = {'Enter': '\r', ' ': ' '}.get(key)
        base = {'key': key, 'windowsVirtualKeyCode': codes[key], 'modifiers': 8 * shift}
        down = {'type': 'keyDown' if text else 'rawKeyDown', **base}
        self.call('Input.dispatchKeyEvent', **down, **({'text': text} if text else {}))
        self.call('Input.dispatchKeyEvent', type='keyUp', **base)

    def click(self, x, y):
        """Click at a place of the window."""
        for kind in ('mouseMoved', 'mousePressed', 'mouseReleased'):
            self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left',
                      clickCount=int(kind != 'mouseMoved'))  # fmt: skip

    def hover(self, x, y):
        """Move the mouse to a place of the window."""
        self.call('Input.dispatchMouseEvent', type='mouseMoved', x=x, y=y)

    def requests(self):
        """Addresses that the page requested, without embedded data."""
        asked = (e['params']['request']['url'] for e in self.events
                 if e['method'] == 'Network.requestWillBeSent')  # fmt: skip
        return [url for url in asked if not url.startswith('data:')]

    def complaints(self):
        """Errors and warnings of the console, and exceptions."""
        kinds = ('Runtime.exceptionThrown', 'Runtime.consoleAPICalled', 'Log.entryAdded')
        return [event['params'] for event in self.events if event['method'] in kinds]
