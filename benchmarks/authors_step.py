"""The RecursiveMix training step as its authors wrote it, in plain torch and without rm_mm.

As in their script, each stage is separate: input, target and prediction are cloned, the box is
pasted into the caller's batch, the region is scored after the image, both losses are written out
over log-probabilities, and the network uses torch's default memory format.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.ops import roi_align


class AuthorsNetwork(nn.Module):
    """ResNet-50 with a second classifier for the pasted region."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = resnet50(num_classes=classes)
        self.roi_classifier = nn.Linear(2048, classes)

    def forward(self, images: Tensor, box: tuple[int, int, int, int] | None) -> tuple[Tensor, ...]:
        """Return the logits of the image and, if there is a box, of the region."""
        body = self.body
        features = body.maxpool(body.relu(body.bn1(body.conv1(images))))
        features = body.layer4(body.layer3(body.layer2(body.layer1(features))))
        logits = body.fc(torch.flatten(body.avgpool(features), 1))
        if box is None:
            return (logits,)
        rows = [torch.tensor([box], dtype=features.dtype, device=images.device)] * len(images)
        scale = features.shape[-1] / images.shape[-1]
        region = roi_align(features, rows, output_size=1, spatial_scale=scale, aligned=True)
        return logits, self.roi_classifier(region.squeeze(-1).squeeze(-1))


class AuthorsTraining:
    """SGD training on batches of normalised images."""

    def __init__(self, classes: int, device: torch.device, alpha: float, omega: float) -> None:
        self.network = AuthorsNetwork(classes).to(device).train()
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4
        )
        self.classes, self.alpha, self.omega = classes, alpha, omega
        self.old: tuple[Tensor, Tensor, Tensor] | None = None

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Train for one iteration. ``images`` is modified."""
        targets = F.one_hot(labels, self.classes).float()
        box, visible = None, 1.0
        if self.old is not None:
            height, width = images.shape[-2:]
            side = np.sqrt(np.random.uniform(0, self.alpha))
            half_width, half_height = int(width * side) // 2, int(height * side) // 2
            x, y = np.random.randint(width), np.random.randint(height)
            x1, x2 = np.clip([x - half_width, x + half_width], 0, width)
            y1, y2 = np.clip([y - half_height, y + half_height], 0, height)
            if x2 > x1 and y2 > y1:
                box = (int(x1), int(y1), int(x2), int(y2))
                old_images, old_targets, old_logits = self.old
                images[:, :, y1:y2, x1:x2] = F.interpolate(
                    old_images.clone(), size=(y2 - y1, x2 - x1), mode='nearest'
                )
                visible = 1 - (x2 - x1) * (y2 - y1) / (width * height)
                targets = targets * visible + old_targets.clone() * (1 - visible)
        found = self.network(images.clone(), box)
        loss = torch.mean(torch.sum(-targets * F.log_softmax(found[0], dim=1), dim=1))
        if box is not None:
            old = torch.softmax(old_logits.clone(), dim=1)
            region = torch.mean(torch.sum(-old * F.log_softmax(found[1], dim=1), dim=1))
            loss = loss + self.omega * (1 - visible) * region
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.old = (images.clone().detach(), targets.clone().detach(), found[0].clone().detach())
