# A set of embedded images of its own: few to train on, many to validate on.
mini_full_root = 'data/mini-full'
embedded_sizes = dict(train_images=1000, val_images=2000, train_scenes=300, val_scenes=400)
