"""Checkpoints from addresses, of a real HTTPS server on the loopback interface."""

import http.server
import ssl
import threading
import urllib.request
from pathlib import Path

import pytest
import torch

from rm_mm.cli import main
from rm_mm.errors import InputError
from rm_mm.transfer.download import download, hash_in_name, shown_address
from rm_mm.transfer.export import export_backbone
from rm_mm.transfer.zoo import locate

CERTIFICATE = Path(__file__).parents[1] / 'data' / 'https'


PAGES = {}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves what the test puts into ``PAGES``: path to (status, headers, body)."""

    def do_GET(self):
        self.server.asked.append(self.path)
        status, headers, body = PAGES.get(self.path, (404, {}, b'<html>404</html>'))
        self.send_response(status)
        for name, value in {'Content-Length': str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve ``server.pages`` at ``server.address``; torch's cache is an empty folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE / 'localhost.crt', CERTIFICATE / 'localhost.key')
    listening = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    listening.asked = []
    listening.pages = PAGES
    PAGES.clear()
    listening.address = f'https://localhost:{listening.server_port}'
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    monkeypatch.setenv('SSL_CERT_FILE', str(CERTIFICATE / 'localhost.crt'))
    # Python keeps one opener, with the certificates of its first use.
    monkeypatch.setattr(urllib.request, '_opener', None)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'cache'))
    yield listening
    listening.shutdown()
    listening.server_close()


def page(path):
    return (200, {}, path.read_bytes())


def kept(tmp_path):
    return [path for path in (tmp_path / 'cache').rglob('*') if path.is_file()]


def test_an_address_is_exported_and_named_without_its_secrets(server, tmp_path, save, weights):
    server.pages['/r/resnet.pth?token=secret'] = page(save(weights))
    address = f'{server.address}/r/resnet.pth?token=secret'
    manifest = export_backbone(address, tmp_path / 'b.pth')
    assert manifest.source == f'{server.address}/r/resnet.pth'
    assert manifest.tensors_matched == 120
    export_backbone(address, tmp_path / 'b.pth')
    assert server.asked == ['/r/resnet.pth?token=secret']


def test_two_files_of_one_name_are_two_files(server, tmp_path):
    server.pages['/barlow/resnet50.pth'] = (200, {}, b'one')
    server.pages['/vicreg/resnet50.pth'] = (200, {}, b'two')
    first, second = (locate(f'{server.address}/{p}/resnet50.pth') for p in ('barlow', 'vicreg'))
    assert (first.path.read_bytes(), second.path.read_bytes()) == (b'one', b'two')


@pytest.mark.parametrize(
    ('name', 'answer', 'said'),
    [
        ('x.pth', (404, {}, b'<html>'), 'cannot download https://localhost.*404'),
        (
            'x.pth',
            (200, {'Content-Length': '99'}, b'short'),
            'cut short: 5 of 99 bytes|IncompleteRead',
        ),
        ('x.pth', (200, {'Content-Length': str(2**60)}, b''), 'has 1152921504606846976 bytes'),
        ('x-0123abcd.pth', (200, {}, b'other'), 'its name says 0123abcd'),
        (
            'x.pth',
            (302, {'Location': 'http://localhost:1/x.pth'}, b''),
            'not https|cannot download',
        ),
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing(server, tmp_path, name, answer, said):
    server.pages[f'/{name}'] = answer
    with pytest.raises(InputError, match=said) as caught:
        download(f'{server.address}/{name}', tmp_path / 'cache')
    assert '\n' not in str(caught.value)
    assert kept(tmp_path) == []


def test_a_redirect_out_of_https_is_refused(server, tmp_path, monkeypatch):
    plain = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    plain.asked = []
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    server.pages['/x.pth'] = (302, {'Location': f'http://localhost:{plain.server_port}/y.pth'}, b'')
    server.pages['/y.pth'] = (200, {}, b'anything')
    with pytest.raises(InputError, match='not https'):
        download(f'{server.address}/x.pth', tmp_path / 'cache')
    plain.shutdown()
    plain.server_close()
    assert kept(tmp_path) == []


def test_a_web_page_in_place_of_the_file_is_named(server, tmp_path, capsys):
    server.pages['/x.pth'] = (200, {}, b'<!DOCTYPE html><p>log in</p>')
    assert main(['export', f'{server.address}/x.pth', '-o', str(tmp_path / 'o' / 'b.pth')]) == 2
    assert 'is a web page' in capsys.readouterr().err
    assert not (tmp_path / 'o').exists()


def test_a_certificate_that_nobody_vouches_for_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.delenv('SSL_CERT_FILE')
    server.pages['/x.pth'] = (200, {}, b'anything')
    with pytest.raises(InputError, match=r'cannot download .*(certificate|CERTIFICATE)'):
        download(f'{server.address}/x.pth', tmp_path / 'cache')


@pytest.mark.parametrize('address', ['http://localhost/x.pth', 's3://b/x.pth', 'file:///x.pth'])
def test_other_kinds_of_address_are_refused(address):
    with pytest.raises(InputError, match=r'expected a file, https://'):
        locate(address)


def test_names_with_and_without_a_hash():
    assert hash_in_name('resnet50-0676ba61.pth') == '0676ba61'
    assert hash_in_name('resnet50_8xb32_in1k_20210831-ea4938fc.pth') == 'ea4938fc'
    assert hash_in_name('resnet-50.pth') is None
    assert shown_address('https://me:pw@host/x.pth?t=1#f') == 'https://host/x.pth'
