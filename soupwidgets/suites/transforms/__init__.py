"""Transforms: images in, images out, for distribution shifts and augmentations alike."""
