"""Decode only the upper rows of a JPEG file, by changing the height in its header.

Rows are stored one after the other (ITU-T T.81, annex B), so a decoder that reads a smaller height
decodes only that many. No decoder for Python can decode a crop.

The rest of the data is unexpected, and libjpeg would warn on stderr when it reaches the marker at
the end of the file. The marker is therefore removed: without one, OpenCV stops silently.
"""

from __future__ import annotations

# Sequential frames with Huffman codes. In a progressive one, every scan holds every row.
_FRAMES = (0xC0, 0xC1)
_SCAN, _RESTARTS, _END = 0xDA, 0xDD, b'\xff\xd9'
# CIPA DC-007: a photograph of a phone that is followed by others in the same file.
_APP2, _MULTI_PICTURE = 0xE2, b'MPF\0'
# Colours that are stored at half the height are interpolated with the rows below.
_MARGIN = 8
# Replaces the marker: a decoder reads ahead of the rows that it decodes.
_PADDING = bytes(64)


def with_rows(data: bytes, rows: int) -> bytes:
    """Return a JPEG file from which a decoder decodes only the upper rows.

    These are decoded exactly; a few more may follow. The file has no marker at its end. It is
    ``data`` itself if that cannot be shortened this way, or if all rows are needed.
    """
    frame, at, find_end = None, 2, data.rfind
    # A segment starts with a marker of two bytes and a length of two bytes, which includes itself.
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], 'big')
        if marker in _FRAMES:
            frame = at
        elif marker == _APP2 and data[at + 4 : at + 8] == _MULTI_PICTURE:
            # The first end marker belongs to this image; searching from the front is slower.
            find_end = data.find
        elif marker == _RESTARTS:
            # There are markers between the rows, which is rare in photographs.
            return data
        elif marker == _SCAN:
            # Unless the scan holds all colours, the rows start again in the next scan.
            if frame is None or data[at + 4] != data[frame + 9]:
                return data
            height = int.from_bytes(data[frame + 5 : frame + 7], 'big')
            end = find_end(_END, at)
            if rows + _MARGIN >= height or end < 0:
                return data
            smaller, rest = (rows + _MARGIN).to_bytes(2, 'big'), memoryview(data)[frame + 7 : end]
            return b''.join((data[: frame + 5], smaller, rest, _PADDING))
        at += 2 + length
    return data
