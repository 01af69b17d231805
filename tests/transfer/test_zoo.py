"""Downloads from a folder in place of the network; the rest is torchvision's and torch's own."""

import hashlib
from types import SimpleNamespace

import pytest
import torch
import torchvision

from rm_mm.errors import InputError
from rm_mm.transfer.export import export_backbone
from rm_mm.transfer.manifest import read_manifest
from rm_mm.transfer.zoo import locate


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A published ResNet-18 whose file name holds its hash, and an empty cache."""
    torch.manual_seed(0)
    plain = tmp_path / 'plain.pth'
    network = torchvision.models.resnet18().train()
    with torch.no_grad():
        # An export refuses norm layers that have never seen a batch.
        network(torch.rand(2, 3, 64, 64))
    torch.save(network.state_dict(), plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    published = plain.rename(tmp_path / f'resnet18-{digest[:8]}.pth')
    weights = {'IMAGENET1K_V1': SimpleNamespace(url=published.as_uri())}
    monkeypatch.setattr(torchvision.models, 'get_model_weights', lambda name: weights)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'cache'))
    return published


def test_published_weights_become_a_verified_backbone(zoo, tmp_path):
    manifest = export_backbone('torchvision://resnet18', tmp_path / 'out' / 'backbone.pth')
    assert manifest.source == zoo.name
    assert manifest.source_format == 'torchvision'
    assert manifest.dropped == ['fc.weight', 'fc.bias']
    assert read_manifest(tmp_path / 'out' / 'backbone.json') == manifest


def test_a_second_call_downloads_nothing(zoo):
    first = locate('torchvision://resnet18')
    zoo.unlink()
    assert locate('torchvision://resnet18') == first


def test_a_damaged_download_is_refused_and_not_kept(zoo, tmp_path):
    zoo.write_bytes(zoo.read_bytes() + b'x')
    with pytest.raises(InputError, match=f'cannot download.*{zoo.name}'):
        locate('torchvision://resnet18')
    assert list((tmp_path / 'cache' / 'checkpoints').iterdir()) == []


def test_without_a_network_it_says_what_to_fetch(zoo):
    zoo.unlink()
    with pytest.raises(InputError, match=f'Fetch file://.*{zoo.name} elsewhere and put it at'):
        locate('torchvision://resnet18')


def test_the_address_is_that_of_mmdetections_torchvision():
    url = torchvision.models.get_model_weights('resnet50')['IMAGENET1K_V1'].url
    assert url.endswith('/resnet50-0676ba61.pth')


def test_an_unknown_network_is_refused(tmp_path):
    with pytest.raises(InputError, match="no ImageNet weights for 'resnet51'"):
        locate('torchvision://resnet51')
