"""An example worker of family `process`: captions and pictures as colours, in numpy alone.

A text is the mean of the colours it names, a picture the mean of its pixels, both seen from mid-grey, with a
fourth number that keeps a grey picture and a text without colours from being nothing.
"""

import numpy as np

COLOURS = {
    "black": (0, 0, 0),
    "blue": (0, 0, 255),
    "green": (0, 255, 0),
    "red": (255, 0, 0),
    "white": (255, 255, 255),
    "yellow": (255, 255, 0),
}


def load(folder, device, dtype, settings):
    """Return the model; a real worker reads its weights from `folder` onto `device` ("cpu", "cuda:0") here."""
    return Colours(settings.get("grey", 128))


class Colours:
    """Answers all three requests; a worker has those methods that its model can answer."""

    def __init__(self, grey):
        self.grey = grey

    def embed_texts(self, texts):
        """Return (texts, 4)."""
        named = [[COLOURS[word] for word in text.lower().split() if word in COLOURS] for text in texts]
        return self._vectors([np.mean(colours, axis=0) if colours else [self.grey] * 3 for colours in named])

    def embed_images(self, images):
        """Return (images, 4); each image is an array (h, w, 3) of uint8."""
        return self._vectors([image.mean(axis=(0, 1)) for image in images])

    def score_captions(self, images, captions):
        """Return (images, captions): cosines; captions are one list of strings per image, of equal lengths."""
        told = [self.embed_texts(of_one) for of_one in captions]
        return np.stack([texts @ image for texts, image in zip(told, self.embed_images(images))])

    def _vectors(self, colours):
        seen = (np.asarray(colours, float) - self.grey) / 128
        vectors = np.concatenate([seen, np.ones((len(seen), 1))], axis=1)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
