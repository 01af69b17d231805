# A separate set of embedded images: few for training, many for validation.
mini_full_root = 'data/mini-full'
embedded_sizes = dict(train_images=1000, val_images=2000, train_scenes=300, val_scenes=400)
