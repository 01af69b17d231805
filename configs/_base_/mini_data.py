# The classes of the embedded images, in the order of their labels.
mini_classes = (
    'ankle_boot', 'bag', 'coat', 'dress', 'pullover',
    'sandal', 'shirt', 'sneaker', 't_shirt_top', 'trouser',
)  # fmt: skip
