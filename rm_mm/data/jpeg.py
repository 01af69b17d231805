"""Making a JPEG decoder stop early, by what the file says of its own height.

Source: ITU-T T.81, annex B. Rows follow each other in the data, so a decoder that is told of fewer
decodes those. Of Python's decoders none takes a crop.

What is left is data that it did not expect, and libjpeg says so on stderr, of each photograph of an
epoch, once it comes to the marker behind them. The marker is taken away: at the end of a file
without one OpenCV stops, in silence.
"""

from __future__ import annotations

# Sequential frames with Huffman codes; a progressive one has every row in every scan.
_FRAMES = (0xC0, 0xC1)
_SCAN, _RESTARTS, _END = 0xDA, 0xDD, b'\xff\xd9'
# CIPA DC-007: a phone's photograph with others behind it.
_APP2, _SEVERAL = 0xE2, b'MPF\0'
# Colours that are stored at half the height are interpolated with the row below.
_MARGIN = 8
# In the marker's place: a decoder reads ahead of what it decodes, and waits where there is nothing.
_AHEAD = bytes(64)


def with_rows(data: bytes, rows: int) -> bytes:
    """A JPEG file of which a decoder decodes no more than the rows that are needed.

    Args:
        data: A JPEG file.
        rows: How many, from the top. Those are decoded as without this; a few more may be.

    Returns:
        Such a file, with no marker at its end; or the same one if it is of a kind that cannot be
        cut so, or if all of it is needed.
    """
    frame, at, find_end = None, 2, data.rfind
    # Each segment: a marker of two bytes, a length of two that counts itself.
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], 'big')
        if marker in _FRAMES:
            frame = at
        elif marker == _APP2 and data[at + 4 : at + 8] == _SEVERAL:
            # The first end is this image's; from the front it takes longer to find.
            find_end = data.find
        elif marker == _RESTARTS:
            # Markers among the rows, which are rare in photographs.
            return data
        elif marker == _SCAN:
            # Of all its colours at once, or rows would begin anew.
            if frame is None or data[at + 4] != data[frame + 9]:
                return data
            height = int.from_bytes(data[frame + 5 : frame + 7], 'big')
            end = find_end(_END, at)
            if rows + _MARGIN >= height or end < 0:
                return data
            told, rest = (rows + _MARGIN).to_bytes(2, 'big'), memoryview(data)[frame + 7 : end]
            return b''.join((data[: frame + 5], told, rest, _AHEAD))
        at += 2 + length
    return data
