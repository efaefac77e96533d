"""The PNG encoder."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from kit.widgets.frame.png import png


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(4))))
def test_a_reader_sees_the_same_pixels(pixels):
    """Another program decodes every pixel as it was."""
    read = Image.open(io.BytesIO(png(pixels)))
    assert read.mode == "RGBA"
    assert (np.asarray(read) == pixels).all()
