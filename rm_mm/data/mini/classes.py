"""The classes of the mini set: their order, names and colours."""

from __future__ import annotations

# In alphabetical order, as mmpretrain numbers class folders by their sorted names: one number then
# means the same article in all three tasks.
CLASSES = (
    'ankle_boot',
    'bag',
    'coat',
    'dress',
    'pullover',
    'sandal',
    'shirt',
    'sneaker',
    't_shirt_top',
    'trouser',
)

# RGB; ten colours that stay apart for most kinds of colour vision (Tableau 10).
PALETTE = (
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
    (227, 119, 194),
    (127, 127, 127),
    (188, 189, 34),
    (23, 190, 207),
)

# The background is a class to be learnt, and comes first. Label maps hold 1 + the index into this
# tuple, since ADE20K keeps 0 for pixels that are not labelled; the mini set has none of these.
SEGMENTATION_CLASSES = ('background', *CLASSES)
SEGMENTATION_PALETTE = ((0, 0, 0), *PALETTE)
