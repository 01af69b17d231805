# The embedded images: the folder to which rm-mm writes them if they are missing, and their classes
# in the order of the labels.
embedded_data = 'data/mini'
mini_classes = (
    'ankle_boot', 'bag', 'coat', 'dress', 'pullover',
    'sandal', 'shirt', 'sneaker', 't_shirt_top', 'trouser',
)  # fmt: skip
