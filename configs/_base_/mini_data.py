# The embedded images: where rm-mm lays them out if they are not there, and their classes in the
# order of their labels.
embedded_data = 'data/mini'
mini_classes = (
    'ankle_boot', 'bag', 'coat', 'dress', 'pullover',
    'sandal', 'shirt', 'sneaker', 't_shirt_top', 'trouser',
)  # fmt: skip
