"""Checkpoints from a real HTTPS server on the loopback interface, and from torchvision.

For torchvision, a folder takes the place of the network; the rest is torchvision's own code.
"""

import hashlib
import http.server
import ssl
import threading
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torchvision

from rm_mm.cli import main
from rm_mm.errors import InputError
from rm_mm.transfer.export import export
from rm_mm.transfer.location import hash_in_name, locate, shown_address
from rm_mm.transfer.manifest import read_manifest

CERTIFICATE = Path(__file__).parents[1] / 'data' / 'https'


PAGES = {}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serve ``PAGES``: path to (status, headers, body)."""

    def do_GET(self):
        self.server.requested.append(self.path)
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
    listening.requested = []
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


def test_an_address_is_exported_and_recorded_without_its_secrets(server, tmp_path, save, weights):
    server.pages['/r/resnet.pth?token=secret'] = page(save(weights))
    address = f'{server.address}/r/resnet.pth?token=secret'
    manifest = export(address, tmp_path / 'b.pth')
    assert manifest.source == f'{server.address}/r/resnet.pth'
    assert manifest.tensors_matched == 120
    export(address, tmp_path / 'b.pth')
    assert server.requested == ['/r/resnet.pth?token=secret']


def test_files_with_the_same_name_are_kept_apart(server, tmp_path):
    server.pages['/barlow/resnet50.pth'] = (200, {}, b'one')
    server.pages['/vicreg/resnet50.pth'] = (200, {}, b'two')
    first, second = (locate(f'{server.address}/{p}/resnet50.pth') for p in ('barlow', 'vicreg'))
    assert (first.path.read_bytes(), second.path.read_bytes()) == (b'one', b'two')


@pytest.mark.parametrize(
    ('name', 'answer', 'message'),
    [
        ('x.pth', (404, {}, b'<html>'), 'cannot download https://localhost.*404'),
        (
            'x.pth',
            (200, {'Content-Length': '99'}, b'short'),
            'cut short after 5 of 99 bytes|IncompleteRead',
        ),
        ('x.pth', (200, {'Content-Length': str(2**60)}, b''), 'has 1152921504606846976 bytes'),
        ('x-0123abcd.pth', (200, {}, b'other'), 'its name promises the hash 0123abcd'),
        (
            'x.pth',
            (302, {'Location': 'http://localhost:1/x.pth'}, b''),
            'not https|cannot download',
        ),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_nothing(server, tmp_path, name, answer, message):
    server.pages[f'/{name}'] = answer
    with pytest.raises(InputError, match=message) as caught:
        locate(f'{server.address}/{name}')
    assert '\n' not in str(caught.value)
    assert kept(tmp_path) == []


def test_a_redirect_to_plain_http_is_rejected(server, tmp_path, monkeypatch):
    plain = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    plain.requested = []
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    server.pages['/x.pth'] = (302, {'Location': f'http://localhost:{plain.server_port}/y.pth'}, b'')
    server.pages['/y.pth'] = (200, {}, b'anything')
    with pytest.raises(InputError, match='not https'):
        locate(f'{server.address}/x.pth')
    plain.shutdown()
    plain.server_close()
    assert kept(tmp_path) == []


def test_a_web_page_in_place_of_the_file_is_recognised(server, tmp_path, capsys):
    server.pages['/x.pth'] = (200, {}, b'<!DOCTYPE html><p>log in</p>')
    assert main(['export', f'{server.address}/x.pth', '-o', str(tmp_path / 'o' / 'b.pth')]) == 2
    assert 'is a web page' in capsys.readouterr().err
    assert not (tmp_path / 'o').exists()


def test_an_untrusted_certificate_is_rejected(server, tmp_path, monkeypatch):
    monkeypatch.delenv('SSL_CERT_FILE')
    server.pages['/x.pth'] = (200, {}, b'anything')
    with pytest.raises(InputError, match=r'cannot download .*(certificate|CERTIFICATE)'):
        locate(f'{server.address}/x.pth')


@pytest.mark.parametrize('address', ['http://localhost/x.pth', 's3://b/x.pth', 'file:///x.pth'])
def test_other_kinds_of_address_are_rejected(address):
    with pytest.raises(InputError, match=r'expected a file, https://'):
        locate(address)


def test_names_with_and_without_a_hash():
    assert hash_in_name('resnet50-0676ba61.pth') == '0676ba61'
    assert hash_in_name('resnet50_8xb32_in1k_20210831-ea4938fc.pth') == 'ea4938fc'
    assert hash_in_name('resnet-50.pth') is None
    assert hash_in_name('resnet50-20240131.pth') is None
    assert hash_in_name('resnet50-20240131-0676ba61.pth') == '0676ba61'
    assert shown_address('https://me:pw@host/x.pth?t=1#f') == 'https://host/x.pth'


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A published ResNet-18 with its hash in the file name, and an empty cache."""
    torch.manual_seed(0)
    plain = tmp_path / 'plain.pth'
    network = torchvision.models.resnet18().train()
    with torch.no_grad():
        # Norm layers that have not processed a batch count as untrained.
        network(torch.rand(2, 3, 64, 64))
    torch.save(network.state_dict(), plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    published = plain.rename(tmp_path / f'resnet18-{digest[:8]}.pth')
    weights = {'IMAGENET1K_V1': SimpleNamespace(url=published.as_uri())}
    monkeypatch.setattr(torchvision.models, 'get_model_weights', lambda name: weights)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'cache'))
    return published


def test_published_weights_become_a_verified_backbone(zoo, tmp_path):
    manifest = export('torchvision://resnet18', tmp_path / 'out' / 'backbone.pth')
    assert manifest.source == zoo.name
    assert manifest.source_format == 'torchvision'
    assert manifest.dropped == ['fc.weight', 'fc.bias']
    assert read_manifest(tmp_path / 'out' / 'backbone.json') == manifest


def test_a_second_call_downloads_nothing(zoo):
    first = locate('torchvision://resnet18')
    zoo.unlink()
    assert locate('torchvision://resnet18') == first


def test_a_damaged_download_is_rejected_and_not_kept(zoo, tmp_path):
    zoo.write_bytes(zoo.read_bytes() + b'x')
    with pytest.raises(InputError, match=f'{zoo.name} is damaged or another file'):
        locate('torchvision://resnet18')
    assert list((tmp_path / 'cache' / 'checkpoints').iterdir()) == []


def test_without_a_network_the_message_tells_what_to_fetch(zoo):
    zoo.unlink()
    with pytest.raises(
        InputError, match=f'cannot download file://.*{zoo.name}.*put it at .*{zoo.name}'
    ):
        locate('torchvision://resnet18')


def test_the_weights_are_those_of_torchvision_in_mmdetection():
    url = torchvision.models.get_model_weights('resnet50')['IMAGENET1K_V1'].url
    assert url.endswith('/resnet50-0676ba61.pth')


def test_an_unknown_network_is_rejected(tmp_path):
    with pytest.raises(InputError, match="no ImageNet weights for 'resnet51'"):
        locate('torchvision://resnet51')
