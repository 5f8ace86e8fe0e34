import struct
import subprocess
import sys
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from coursekit.pictures import reading
from coursekit.pictures.reading import LONGEST_SIDE, read_picture

RED, BLUE = (200, 30, 30), (30, 30, 200)
WHITE = (255, 255, 255)


def grey(value):
    return (value, value, value)


def halves(mode, left, right, size=(32, 16)):
    """Return a picture whose left half has one value and whose right half another."""
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def saved(image, kind, **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def palette(**options):
    image = halves("P", 0, 1)
    image.putpalette([*RED, *BLUE])
    return saved(image, options.pop("kind", "PNG"), **options)


def array(left, right, kind="TIFF", dtype=np.float32, **options):
    values = np.empty((16, 32), dtype)
    values[:, :16], values[:, 16:] = left, right
    return saved(Image.fromarray(values), kind, **options)


def big_endian_tiff(left, right):
    """Return a grey 16-bit TIFF with the high byte first: ten tags, then one strip."""
    values = np.where(np.arange(32) < 16, left, right).astype(">u2")
    strip = np.tile(values, (16, 1)).tobytes()
    tags = {256: 32, 257: 16, 258: 16, 259: 1, 262: 1, 273: 8 + 2 + 9 * 12 + 4, 277: 1, 278: 16, 279: len(strip)}
    entries = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"MM\0*" + struct.pack(">IH", 8, len(tags)) + entries + struct.pack(">I", 0) + strip


def grey_tiff(left, right, dtype, **tags):
    """Return a grey TIFF of such values, with tags of its own."""
    values = np.where(np.arange(32) < 16, left, right).astype(dtype)
    strip, bits = np.tile(values, (16, 1)).tobytes(), 8 * values.itemsize
    numbers = {
        256: 32,
        257: 16,
        258: bits,
        259: 1,
        262: 1,
        273: 8 + 2 + 10 * 12 + 4,
        277: 1,
        278: 16,
        279: len(strip),
        339: 1,
    }
    numbers |= {int(tag.strip("_")): value for tag, value in tags.items()}
    entries = b"".join(
        struct.pack("<HHII", tag, 4 if tag != 258 and tag != 339 else 3, 1, n) for tag, n in numbers.items()
    )
    return b"II*\0" + struct.pack("<IH", 8, len(numbers)) + entries + struct.pack("<I", 0) + strip


def pgm(left, right, largest):
    values = np.where(np.arange(32) < 16, left, right).astype(">u2" if largest > 255 else "u1")
    return b"P5 32 16 %d\n" % largest + np.tile(values, (16, 1)).tobytes()


def png(width, height, depth, colour_type, rows):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def png_48_bit(left, right):
    row = b"\0" + struct.pack(">3H", *left) * 16 + struct.pack(">3H", *right) * 16
    return png(32, 16, 16, 2, row * 16)


def animated(kind, **options):
    later = [halves("RGB", BLUE, RED), halves("RGB", WHITE, BLUE)]
    return saved(halves("RGB", RED, BLUE), kind, save_all=True, append_images=later, **options)


# what it is: (the file, left half, right half, how far a value may be off)
KINDS = {
    "RGB PNG": (saved(halves("RGB", RED, BLUE), "PNG"), RED, BLUE, 0),
    "RGB BMP": (saved(halves("RGB", RED, BLUE), "BMP"), RED, BLUE, 0),
    "RGB PPM": (saved(halves("RGB", RED, BLUE), "PPM"), RED, BLUE, 0),
    "RGB TIFF": (saved(halves("RGB", RED, BLUE), "TIFF"), RED, BLUE, 0),
    "RGB WebP": (saved(halves("RGB", RED, BLUE), "WEBP", lossless=True), RED, BLUE, 0),
    "RGB JPEG": (saved(halves("RGB", RED, BLUE), "JPEG", quality=95), RED, BLUE, 3),
    "RGB JPEG 2000": (saved(halves("RGB", RED, BLUE), "JPEG2000"), RED, BLUE, 0),
    "black-and-white PNG": (saved(halves("1", 0, 1), "PNG"), grey(0), grey(255), 0),
    "grey PNG": (saved(halves("L", 40, 200), "PNG"), grey(40), grey(200), 0),
    "grey JPEG": (saved(halves("L", 40, 200), "JPEG", quality=95), grey(40), grey(200), 2),
    "grey PNG, one value transparent": (saved(halves("L", 40, 0), "PNG", transparency=0), grey(40), WHITE, 0),
    "grey and alpha PNG": (saved(halves("LA", (40, 255), (0, 0)), "PNG"), grey(40), WHITE, 0),
    "RGBA PNG, black but transparent": (saved(halves("RGBA", (*RED, 255), (0, 0, 0, 0)), "PNG"), RED, WHITE, 0),
    "RGBA PNG, black at 128 of 255": (saved(halves("RGBA", (*RED, 255), (0, 0, 0, 128)), "PNG"), RED, grey(127), 0),
    "RGBA WebP": (saved(halves("RGBA", (*RED, 255), (0, 0, 0, 0)), "WEBP", lossless=True), RED, WHITE, 0),
    "RGB PNG, one colour transparent": (saved(halves("RGB", RED, BLUE), "PNG", transparency=BLUE), RED, WHITE, 0),
    "palette PNG": (palette(), RED, BLUE, 0),
    "palette PNG, one entry transparent": (palette(transparency=1), RED, WHITE, 0),
    "palette PNG, entries with alpha": (palette(transparency=bytes([255, 51])), RED, (210, 210, 244), 0),
    "palette GIF": (palette(kind="GIF"), RED, BLUE, 0),
    "palette GIF, one entry transparent": (palette(kind="GIF", transparency=1), RED, WHITE, 0),
    "48-bit PNG": (png_48_bit((51400, 7710, 7710), (7710, 7710, 51400)), RED, BLUE, 0),
    "16-bit grey PNG": (array(257 * 40, 65535, "PNG", np.uint16), grey(40), grey(255), 0),
    "16-bit grey PNG, rounded": (array(257 * 40 + 128, 257 * 40 + 129, "PNG", np.uint16), grey(40), grey(41), 0),
    "16-bit grey PNG, dark": (array(0, 255, "PNG", np.uint16), grey(0), grey(1), 0),
    "16-bit grey PNG, one value transparent": (
        array(257 * 40, 0, "PNG", np.uint16, transparency=0),
        grey(40),
        WHITE,
        0,
    ),
    "16-bit grey TIFF": (array(257 * 40, 65535, "TIFF", np.uint16), grey(40), grey(255), 0),
    "16-bit grey TIFF, high byte first": (big_endian_tiff(257 * 40, 65535), grey(40), grey(255), 0),
    "16-bit grey TIFF whose white is 0": (grey_tiff(257 * 40, 0, "<u2", _262=0), grey(215), grey(255), 0),
    "8-bit grey TIFF whose white is 0": (grey_tiff(40, 0, "u1", _262=0), grey(215), grey(255), 0),
    "unsigned 32-bit TIFF, huge": (grey_tiff(0, 4_000_000_000, "<u4"), grey(0), grey(255), 0),
    "unsigned 32-bit TIFF, half": (grey_tiff(0, 70_000, "<u4"), grey(0), grey(255), 0),
    "signed 32-bit TIFF": (grey_tiff(-5, 5, "<i4", _339=2), grey(0), grey(255), 0),
    "float TIFF whose white is 0": (grey_tiff(0.2, 0, "<f4", _262=0, _339=3), grey(204), grey(255), 0),
    "16-bit PGM, dark": (pgm(257, 0, 65535), grey(1), grey(0), 0),
    "16-bit PGM": (pgm(257 * 40, 65535, 65535), grey(40), grey(255), 0),
    "12-bit PGM, dark": (pgm(0, 16, 4095), grey(0), grey(1), 0),
    "8-bit PGM": (pgm(40, 200, 255), grey(40), grey(200), 0),
    "32-bit TIFF of 8-bit values": (array(40, 200, dtype=np.int32), grey(40), grey(200), 0),
    "32-bit TIFF of 16-bit values": (array(257 * 40, 60000, dtype=np.int32), grey(40), grey(233), 0),
    "float TIFF, 0 to 1": (array(0.2, 0.6), grey(51), grey(153), 0),
    "float TIFF, 0 to 255": (array(40, 200), grey(40), grey(200), 0),
    "float TIFF, with negative values": (array(-3, 5), grey(0), grey(255), 0),
    "float TIFF, with huge values": (array(1e5, 1e7), grey(0), grey(255), 0),
    "float TIFF, the largest values there are": (array(-3e38, 3e38), grey(0), grey(255), 0),
    "float TIFF, half of the largest": (array(-1.5e38, -3e38), grey(255), grey(0), 0),
    "float TIFF, all one huge value": (array(1e5, 1e5), grey(0), grey(0), 0),
    "CMYK JPEG": (
        saved(halves("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "JPEG", quality=95),
        (255, 0, 0),
        (0, 0, 255),
        4,
    ),
    "CMYK TIFF": (
        saved(halves("CMYK", (0, 255, 255, 55), (255, 255, 0, 55)), "TIFF"),
        (200, 0, 0),
        (0, 0, 200),
        0,
    ),
    "animated GIF": (animated("GIF", duration=50), RED, BLUE, 0),
    "animated WebP": (animated("WEBP", lossless=True, duration=50), RED, BLUE, 0),
    "animated PNG": (animated("PNG", duration=50), RED, BLUE, 0),
    "TIFF of three pages": (animated("TIFF"), RED, BLUE, 0),
    "icon": (saved(halves("RGBA", (*RED, 255), (0, 0, 0, 0)), "ICO", sizes=[(32, 16)]), RED, WHITE, 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_becomes_rgb(kind):
    content, left, right, off = KINDS[kind]
    image = read_picture(content)
    expected = np.empty((16, 32, 3), int)
    expected[:, :16], expected[:, 16:] = left, right
    assert image.dtype == np.uint8
    assert image.shape == expected.shape
    away = 4 if off else 0  # a lossy picture may blur at the border of the halves
    error = np.abs(image - expected)
    assert error[:, : 16 - away].max() <= off
    assert error[:, 16 + away :].max() <= off


def test_path_bytes_and_memoryview_give_the_same_picture(tmp_path):
    content = KINDS["RGB PNG"][0]
    folder = tmp_path / "mes photos, été"
    folder.mkdir()
    file = folder / "мой кот 🐈 (1).PNG"
    file.write_bytes(content)
    for source in (file, str(file), content, bytearray(content), memoryview(content)):
        image = read_picture(source)
        assert tuple(image[0, 0]) == RED
        assert tuple(image[-1, -1]) == BLUE


def test_a_wrong_suffix_does_not_matter(tmp_path):
    file = tmp_path / "really_a_png.jpg"
    file.write_bytes(KINDS["RGB PNG"][0])
    assert tuple(read_picture(file)[0, 0]) == RED


def test_the_picture_can_be_painted_on():
    image = read_picture(KINDS["RGB PNG"][0])
    image[:4] = 7
    assert image[0, 0].tolist() == [7, 7, 7]


# How an upright picture lies in the file for each EXIF orientation: camera turned, mirrored, or both.
LAID = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: np.rot90(image, -1),
}


def upright():
    image = np.full((32, 48, 3), 128, np.uint8)
    image[:16, :16], image[:16, 32:], image[16:, 32:] = RED, BLUE, WHITE
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    laid = Image.fromarray(np.ascontiguousarray(LAID[orientation](upright())))
    image = read_picture(saved(laid, kind, exif=exif, **options))
    assert image.shape == (32, 48, 3)
    assert np.abs(image - upright().astype(int)).max() <= (3 if kind == "JPEG" else 0)


def test_a_strange_exif_entry_does_not_cost_the_picture():
    width_as_text = struct.pack(">HHI4s", 0x0100, 2, 4, b"abc\0")
    orientation = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + width_as_text + orientation + struct.pack(">I", 0)
    laid = Image.fromarray(np.ascontiguousarray(LAID[6](upright())))
    assert read_picture(saved(laid, "PNG", exif=exif[6:])).tolist() == upright().tolist()


@pytest.mark.parametrize(
    ("mode", "left", "right", "size", "kind", "shape"),
    [
        ("L", 40, 200, (9000, 4500), "JPEG", (2048, 4096, 3)),
        ("CMYK", (215, 215, 215, 0), (55, 55, 55, 0), (9000, 4500), "JPEG", (2048, 4096, 3)),
        ("P", 40, 200, (6000, 3000), "PNG", (2048, 4096, 3)),
        ("I;16", 257 * 40, 257 * 200, (6000, 3000), "PNG", (2048, 4096, 3)),
        ("RGB", grey(40), grey(200), (5000, 10), "WEBP", (8, 4096, 3)),
        ("RGB", grey(40), grey(200), (20_000, 1), "PNG", (1, 4096, 3)),
        ("RGB", grey(40), grey(200), (LONGEST_SIDE, 8), "PNG", (8, 4096, 3)),
    ],
)
def test_a_huge_picture_is_reduced(mode, left, right, size, kind, shape):
    picture = halves(mode, left, right, size)
    if mode == "P":
        picture.putpalette([level for value in range(256) for level in grey(value)])
    image = read_picture(saved(picture, kind, compress_level=1))
    assert image.shape == shape
    assert np.abs(image[:, :2044].astype(int) - 40).max() <= 2
    assert np.abs(image[:, 2052:].astype(int) - 200).max() <= 2


def test_a_huge_transparent_picture_is_reduced_onto_white():
    image = read_picture(saved(halves("RGBA", (*RED, 255), (0, 0, 0, 0), (5000, 20)), "PNG"))
    assert image.shape == (16, 4096, 3)
    assert (image[:, :2044] == RED).all()
    assert (image[:, 2052:] == WHITE).all()
    assert image.min() >= 30, "no dark seam where red meets transparent black"


def patches(height, width, mode):
    """Return a file of such a mode: squares of random colours, half of them transparent where it can be."""
    values = np.random.default_rng(0).integers(0, 256, (height // 10 + 1, width // 10 + 1, 4), np.uint8)
    values[:, 0], values[:, 1] = 0, 255  # black and white stay what they are
    values = np.kron(values, np.ones((10, 10, 1), np.uint8))[:height, :width]
    dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}.get(mode)
    if dtype:
        return saved(Image.fromarray(values[..., 0].astype(dtype) * dtype(257)), "TIFF")
    if mode == "unsigned":  # Pillow reads the upper half as negative
        v = np.ascontiguousarray(values[..., 0].astype("<u4") << 24)
        return grey_tiff(0, 0, "<u4", _256=width, _257=height, _278=height, _279=4 * v.size)[:138] + v.tobytes()
    if mode == "P":
        return saved(Image.fromarray(values[..., :3]).quantize(50), "PNG", transparency=3)
    image = Image.fromarray(values, "CMYK" if mode == "CMYK" else "RGBA")
    return saved(image if image.mode == mode else image.convert(mode), "TIFF")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L", "1", "P", "CMYK", "I;16", "I", "F", "unsigned"])
@pytest.mark.parametrize("shape", [(150, 190), (199, 130), (3, 199)])
def test_reduced_in_strips_it_is_as_if_reduced_at_once(mode, shape, monkeypatch):
    content = patches(*shape, mode)
    at_once = Image.fromarray(read_picture(content))
    at_once.thumbnail((100, 100), Image.Resampling.BILINEAR)
    monkeypatch.setattr(reading, "LONGEST_SIDE", 100)
    monkeypatch.setattr(reading, "_STRIP", 2000)
    in_strips = read_picture(content)
    assert in_strips.shape == np.array(at_once).shape
    assert np.abs(in_strips - np.array(at_once).astype(int)).max() <= 3


BOMB = png(20_000, 20_000, 8, 2, b"\0" * 100_000)


@pytest.mark.parametrize("limit", [None, 10, 10**12])
def test_our_own_limit_holds_whatever_pillow_is_set_to(limit, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(KINDS["RGB PNG"][0]).shape == (16, 32, 3)
        with pytest.raises(ValueError, match=r"bomb\.png has more than 200 million pixels"):
            read_picture(BOMB, "bomb.png")
    assert limit == Image.MAX_IMAGE_PIXELS


def test_the_limit_is_exact(monkeypatch):
    monkeypatch.setattr(reading, "MOST_PIXELS", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(saved(Image.new("L", (40, 25)), "PNG")).shape == (25, 40, 3)
    with pytest.raises(ValueError, match="pixels"):
        read_picture(saved(Image.new("L", (77, 13)), "PNG"))


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_formats_that_take_more_memory_have_a_limit_of_their_own(kind, monkeypatch):
    monkeypatch.setattr(reading, "_MOST_PIXELS_OF", {kind: 2_000_000})
    assert read_picture(saved(Image.new("RGB", (2000, 1000)), kind)).shape == (1000, 2000, 3)
    with pytest.raises(ValueError, match="has more than 2 million pixels"):
        read_picture(saved(Image.new("RGB", (2000, 1001)), kind))
    assert read_picture(saved(Image.new("RGB", (2000, 1001)), "PNG")).shape == (1001, 2000, 3)


# All black, 14,000 x 14,000, lossless, as Pillow writes it.
WEBP_BOMB = bytes.fromhex("524946461a000000574542505650384c0e0000002faff6ab0d071011fd0f4444ff03")


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from Linux's /proc")
@pytest.mark.parametrize("bomb", [BOMB, WEBP_BOMB], ids=["PNG", "WebP"])
def test_a_bomb_is_refused_before_memory_is_spent(bomb, tmp_path):
    file = tmp_path / "bomb"
    file.write_bytes(bomb)
    program = f"""
import time
from coursekit.pictures import read_picture
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before, start = peak(), time.process_time()
try:
    read_picture({str(file)!r})
except ValueError:
    print(time.process_time() - start, (peak() - before) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 1
    assert megabytes < 20


def peak_of_reading(content, folder):
    """Return what reading came to, and by how many MB the memory of a new process grew for it."""
    (folder / "picture").write_bytes(content)
    program = f"""
from coursekit.pictures import read_picture
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
read_picture({str(folder / "small")!r})
before = peak()
try:
    said = str(read_picture({str(folder / "picture")!r}).shape)
except ValueError as error:
    said = str(error)
print((peak() - before) / 1024, said)
"""
    (folder / "small").write_bytes(KINDS["RGB PNG"][0])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    megabytes, _, said = done.stdout.strip().partition(" ")
    return said, float(megabytes)


def black_tiff(side, sample_format, bits, samples=1):
    """Return a black TIFF of a few kB: all its strips are the same one, packed."""
    strip = zlib.compress(bytes(side * 100 * samples * bits // 8), 9)
    count = side // 100
    tags = [(256, [side]), (257, [side]), (258, [bits] * samples), (259, [8]), (262, [2 if samples > 1 else 1])]
    tags += [(273, None), (277, [samples]), (278, [100]), (279, [len(strip)] * count)]
    tags += [(338, [2])] * (samples == 4) + [(339, [sample_format] * samples)]
    start = 8 + 2 + 12 * len(tags) + 4
    end = start + sum(4 * len(values or [0] * count) for _, values in tags if len(values or [0] * count) > 1)
    entries, lists = b"", b""
    for tag, values in tags:
        packed = struct.pack(f"<{len(values or [0] * count)}I", *(values or [end] * count))
        at = packed if len(packed) == 4 else struct.pack("<I", start + len(lists))
        lists += packed if len(packed) > 4 else b""
        entries += struct.pack("<HHI", tag, 4, len(packed) // 4) + at
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + lists + strip


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from Linux's /proc")
@pytest.mark.parametrize(
    ("side", "sample_format", "bits", "samples", "says"),
    [
        (14_000, 1, 32, 1, "more than 100 million pixels"),
        (14_000, 3, 32, 1, "more than 100 million pixels"),
        (10_000, 1, 32, 1, "(4096, 4096, 3)"),
        (14_000, 1, 16, 1, "(4096, 4096, 3)"),
        (14_000, 1, 8, 4, "(4096, 4096, 3)"),
    ],
    ids=["unsigned", "float", "large unsigned", "16 bits", "RGBA"],
)
def test_what_a_small_file_unpacks_to_has_a_bound(tmp_path, side, sample_format, bits, samples, says):
    said, megabytes = peak_of_reading(black_tiff(side, sample_format, bits, samples), tmp_path)
    assert says in said
    assert megabytes < 950


@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "progressive JPEG", "GIF", "WEBP", "LZW TIFF", "BMP", "PPM", "JPEG2000"]
)
@pytest.mark.parametrize("lenient", [False, True])
def test_never_half_a_picture(kind, lenient, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    options = {"progressive JPEG": {"progressive": True}, "LZW TIFF": {"compression": "tiff_lzw"}}.get(kind, {})
    content = saved(noise, kind.split()[-1], **options)
    whole = read_picture(content)
    refused = 0
    for length in [*range(1, len(content), len(content) // 60), len(content) - 200, len(content) - 30]:
        try:
            image = read_picture(content[:length])
        except ValueError:
            refused += 1
        else:
            assert np.array_equal(image, whole)
    assert refused > 50
    assert lenient == ImageFile.LOAD_TRUNCATED_IMAGES


PAGE = b"\n<!DOCTYPE html>\n<html><body>404</body></html>"
DRAWING = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>'

BAD = {
    "text.jpg": ("Das ist übrigens kein Bild. ".encode() * 60, "holds text, not a picture"),
    "table.png": (b"a,b\n1,2\n", "holds text"),
    "page.jpg": (PAGE, "is a web page"),
    "drawing.png": (DRAWING, "is an SVG drawing"),
    "iphone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 50, "is a HEIC photo"),
    "empty.png": (b"", "is empty"),
    "noise.jpg": (bytes(range(256)) * 4, "no picture that can be read here"),
    "zeros.jpg": (bytes(2000), "no picture that can be read here"),
    "print.eps": (saved(halves("L", 0, 255), "EPS"), "holds text"),
    "old.pcx": (saved(halves("L", 0, 255), "PCX"), "no picture that can be read here"),
    "cut.png": (KINDS["RGB PNG"][0][:60], "incomplete, damaged"),
    "head.png": (KINDS["RGB PNG"][0][:6], "a damaged one"),
    "cut.jpg": (KINDS["RGB JPEG"][0][:-60], "incomplete, damaged"),
    "nan.tif": (array(np.nan, 1.0), "unusual kind of picture"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_gives_a_clear_error(name, tmp_path):
    content, says = BAD[name]
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ValueError, match=says) as caught:
        read_picture(file)
    message = str(caught.value)
    assert message.startswith(name)
    assert message.endswith(".")
    assert message.count(". ") <= 1, "at most two sentences"
    with pytest.raises(ValueError, match=says):
        read_picture(content)


def test_a_folder_is_not_a_picture(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder, not a picture; folder\("):
        read_picture(tmp_path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ca.jpg", "There is no file ca.jpg in .*Did you mean 'cat.jpg'"),
        ("hidden.jpg", "There is no file hidden.jpg"),
        ("nowhere/cat.jpg", "its folder does not exist"),
        ("https://example.org/cat.jpg", "nothing is downloaded here"),
    ],
)
def test_a_missing_file_names_what_is_near(name, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for there in ("cat.jpg", "house.png", "notes.txt", "zebra.gif", ".hidden.jpg"):
        Path(there).touch()
    with pytest.raises(FileNotFoundError, match=says) as caught:
        read_picture(name)
    assert "'.hidden.jpg'" not in str(caught.value)


def test_a_missing_file_in_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no files"):
        read_picture(tmp_path / "cat.jpg")


@pytest.mark.parametrize("source", [3, None, np.zeros((4, 4, 3), np.uint8), ["cat.jpg"]])
def test_neither_path_nor_bytes(source):
    with pytest.raises(TypeError, match="path or from bytes, not from"):
        read_picture(source)
