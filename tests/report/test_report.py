"""The page says what the techniques give, whatever the pictures are called, and keeps what is there on Ctrl-C."""

import os
import re
import signal
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from coursekit import diagnose, folder, photos, show, top_patches, write_report
from coursekit.cli import main
from coursekit.networks.backend import keras
from coursekit.pictures import streams
from coursekit.report import page as page_module, parts as parts_module, writing
from coursekit.report.layers import MOST_LAYERS, channels_to_search, layers_to_show
from coursekit.report.page import MOST_BYTES, Part, page
from coursekit.report.parts import as_seen_together
from coursekit.show.architecture import analyze, standing_html
from tests.report.folders import CLASSES, EVIL, small_network, write_pictures

layers = keras.layers
TITLES = ["Architecture", "Answers", "Findings", "Channels", "Strongest patches", "Map of the pictures"]
TITLES += ["Worst mistakes", "Pictures"]


class Read(HTMLParser):
    """What a browser would find: tags, the texts of each section, tables as rows of texts, and alt texts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sections, self.alts, self.tables, self.links = [], {}, {}, {}, []
        self.place, self.name, self.row, self.skip = "head", "", None, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.links += [attributes[key] for key in ("src", "href") if key in attributes]
        self.skip = tag == "style"
        if tag == "section":
            self.place = attributes["id"]
        elif tag == "img":
            self.alts.setdefault(self.place, []).append(attributes["alt"])
        elif tag == "div" and attributes.get("class") == "wide":
            self.name = attributes["aria-label"]
            self.tables[self.name] = []
        elif tag == "tr" and self.name:
            self.tables[self.name].append([])
        elif tag in ("td", "th") and self.name:
            self.tables[self.name][-1].append("")
            self.row = True

    def handle_endtag(self, tag):
        if tag == "table":
            self.name = ""
        if tag in ("td", "th"):
            self.row = None

    def handle_data(self, data):
        if self.skip:
            return
        if self.name and self.row:
            self.tables[self.name][-1][-1] += data
        self.sections[self.place] = self.sections.get(self.place, "") + data


def read(path):
    return Read(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model():
    return small_network()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    write_pictures(place)
    return place


@pytest.fixture(scope="module")
def written(model, pictures, tmp_path_factory):
    place = tmp_path_factory.mktemp("page")
    model.save(place / "<b>small.keras")
    return write_report(place / "<b>small.keras", pictures, place / "report.html", "by-folder", batch_size=4)


@pytest.fixture(scope="module")
def found(written):
    return read(written)


@pytest.fixture(scope="module")
def outputs(model, pictures):
    """What plain Keras answers, the pictures' classes and their names."""
    with pytest.warns(UserWarning, match="broken"):
        images, names = folder(pictures, (12, 12))
    labels = np.array([CLASSES.index(name.partition("/")[0]) for name in names])
    return np.asarray(model(images.astype(np.float32))), labels, names, images


@pytest.fixture
def only(monkeypatch):
    """Leaves out parts that take long and are not what a test is about."""
    return lambda *keys: monkeypatch.setattr(writing, "PARTS", [part for part in writing.PARTS if part[0] in keys])


def test_every_part_is_there(found):
    texts = {key: text for key, text in found.sections.items() if key != "head"}
    assert [text.strip().splitlines()[0] for text in texts.values()] == TITLES
    assert not [text for text in texts.values() if "Not shown" in text or "Stopped" in text]


def test_the_answers_are_those_of_plain_keras(found, outputs):
    values, labels, _, _ = outputs
    right = values.argmax(axis=1) == labels
    assert (
        f"{right.sum()} of 15 labelled pictures are answered with their own class: {right.mean():.1%}"
        in (found.sections["answers"])
    )
    head, *rows = found.tables["Answers by class"]
    assert head[:4] == ["class", "pictures", "right", "right, %"]
    shares = {CLASSES[c]: right[labels == c].mean() for c in range(3)}
    assert {row[0]: row[1:4] for row in rows} == {
        name: ["5", f"{round(5 * share)}", f"{100 * share:.3g}"] for name, share in shares.items()
    }
    assert [shares[row[0]] for row in rows] == sorted(shares.values())


def test_the_findings_are_those_of_diagnose(model, found, outputs):
    _, labels, _, images = outputs
    expected = diagnose(model, images, labels)
    rows = found.tables["Findings"][1:]
    assert len(rows) == len(expected)
    for one, row in zip(expected, rows, strict=True):
        number = "–" if one.value is None else f"{one.value:.3g} {one.unit}"
        assert (row[0], row[2], row[4], row[5]) == (one.name, number, one.where, one.says)
    assert f"{len(expected.unusual)} of {len(rows)} are unusual, " in found.sections["findings"]


def test_the_patches_are_those_of_top_patches(model, pictures, found):
    for layer, alt in zip(("bent", "deep"), found.alts["patches"], strict=True):
        count = model.get_layer(layer).output.shape[-1]
        with pytest.warns(UserWarning, match="left out"):
            best = top_patches(model, layer, pictures, 6, channels=channels_to_search(count), batch_size=4)
        said = [f"channel {c} from {v[0]:.3g} to {v[-1]:.3g}" for c, v in zip(best.channels, best.values, strict=True)]
        assert "; ".join(said) in alt
        assert "among 15 pictures" in alt  # and one file that cannot be read
    assert "8 of 10 channels, spread evenly" in found.sections["patches"]


def test_the_worst_mistakes_come_first(found, outputs):
    values, labels, names, _ = outputs
    first, own = values.argmax(axis=1), values[np.arange(15), labels]
    wrong = np.flatnonzero(first != labels)
    order = wrong[np.argsort(-(values.max(axis=1) - own)[wrong], kind="stable")][:6]
    text = found.sections["mistakes"]
    places = [text.index(names[i]) for i in order]
    assert places == sorted(places)
    for i in order:
        said = f"answer “{CLASSES[first[i]]}”, output {values[i].max():.3g}; "
        assert said + f"right class “{CLASSES[labels[i]]}”, output {own[i]:.3g}." in text
    assert f"{len(wrong)} labelled pictures are answered with a wrong class" in text
    assert len(found.alts["mistakes"]) == len(order)


def test_the_map_marks_the_errors(found, outputs):
    values, labels, _, _ = outputs
    (alt,) = found.alts["map"]
    assert f"{(values.argmax(axis=1) != labels).sum()} with a wrong answer have a black ring" in alt


def test_names_are_shown_as_they_are_and_do_nothing(written, found):
    tags = {tag for tag, _ in found.tags}
    assert "script" not in tags
    assert not {"b", "i"} & {tag for tag, _ in found.tags[: [t for t, _ in found.tags].index("main")]}
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "Report on <b>small.keras" in found.sections["head"]
    text = written.read_text(encoding="utf-8")
    assert "<script" not in text
    assert CLASSES[0] in [row[0] for row in found.tables["Answers by class"]]


def test_it_loads_nothing(written, found):
    assert not [link for link in found.links if not link.startswith(("data:image/", "#"))]
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", written.read_text(encoding="utf-8"))


def test_every_figure_has_a_text(found):
    alts = [alt for several in found.alts.values() for alt in several]
    assert len(alts) > 8
    assert all(len(alt.split()) > 4 for alt in alts)


def test_what_could_not_be_read_is_named(found):
    text = found.sections["pictures"]
    assert "15 pictures were looked at, each at 12 x 12" in text
    assert "Left out, because it cannot be read as a picture: 1 file." in text
    assert "broken.png" in text
    assert "in alphabetical order, as Keras numbers" in text


def test_an_evil_name_among_the_mistakes(model, tmp_path, only):
    """Whichever pictures are wrong: here all are, as only the evil one is there, under a false class."""
    only("map", "mistakes")
    write_pictures(tmp_path)
    images, _ = folder(tmp_path / "cat", (12, 12))
    answer = int(np.asarray(model(images[[-1]].astype(np.float32))).argmax())
    files = [tmp_path / "cat" / EVIL]
    path = write_report(model, files, tmp_path / "report.html", [(answer + 1) % 3], class_names=["a", "<u>", "$c$"])
    found = read(path)
    assert EVIL in found.sections["mistakes"]
    assert not {"script", "u"} & {tag for tag, _ in found.tags}
    assert "A map needs 3 pictures" in found.sections["map"]


class Interrupting:
    """Pictures in an array; asked for some for the n-th time, they bring what Ctrl-C brings."""

    def __init__(self, images, slices, single=99):
        self.images, self.shape, self.slices, self.single = images, images.shape, slices, single

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        kind = "slices" if isinstance(index, slice) else "single"
        setattr(self, kind, getattr(self, kind) - 1)
        if getattr(self, kind) == 0:
            signal.raise_signal(signal.SIGINT)
        return self.images[index]


def images_for(count):
    return np.random.default_rng(1).integers(0, 256, (count, 12, 12, 3)).astype(np.uint8)


def test_a_cluster_of_two_workers_gives_the_same_page(model, pictures, tmp_path, only):
    distributed = pytest.importorskip("distributed")
    only("answers", "patches", "map", "pictures")
    here = write_report(model, pictures, tmp_path / "here.html", "by-folder", batch_size=4)
    with distributed.Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        there = write_report(model, pictures, tmp_path / "there.html", "by-folder", batch_size=4, client=client)
    first, second = read(here), read(there)
    assert second.sections == first.sections
    assert second.tables == first.tables
    assert second.alts == first.alts  # they hold the activations, to three digits
    assert first.alts["patches"]


def test_patches_are_shown_in_the_range_of_all_of_them():
    small = np.float32([[[0.5], [1]], [[0], [0.2]]])
    (one, other), (last,) = as_seen_together([[small, small[:1]], [small[1:] / 4]])
    assert one.shape == (2, 2, 3)
    assert one[..., 0].tolist() == [[128, 255], [0, 51]]
    assert other[..., 2].tolist() == [[128, 255]]
    assert last[..., 1].tolist() == [[0, 13]]
    photos = np.uint8([[[0, 1, 0]], [[1, 0, 1]]])  # nearly black, not 0 to 1
    assert as_seen_together([[photos]])[0][0].tolist() == photos.tolist()
    around_zero = np.float32([[[-2], [0], [2]]])
    assert as_seen_together([[around_zero], [around_zero / 2]])[1][0][0, :, 0].tolist() == [64, 128, 191]
    assert as_seen_together([]) == []


def test_ctrl_c_while_pictures_are_looked_at(model, tmp_path, only):
    only("answers", "patches")
    pictures = Interrupting(images_for(40), slices=4)
    with pytest.warns(UserWarning, match="Interrupted: 8 of 40 pictures were looked at"):
        path = write_report(model, pictures, tmp_path / "report.html", [0, 1] * 20, batch_size=4)
    found = read(path)
    assert "Stopped before the end. 8 of 40 pictures were looked at." in found.sections["head"]
    answers = np.asarray(model(pictures.images[:8].astype(np.float32))).argmax(axis=1)
    assert f"{(answers == [0, 1] * 4).sum()} of 8 labelled pictures" in found.sections["answers"]
    assert "among 8 pictures" in found.alts["patches"][0]


def test_ctrl_c_again_while_patches_are_cut(model, tmp_path, only):
    only("answers", "patches")
    pictures = Interrupting(images_for(40), slices=4, single=3)  # 1 to begin
    with pytest.warns(UserWarning, match="Interrupted: 8 of 40 pictures were looked at"):
        path = write_report(model, pictures, tmp_path / "report.html", [0, 1] * 20, batch_size=4)
    found = read(path)
    assert "of 8 labelled pictures" in found.sections["answers"]
    assert "Stopped before its patches were cut out" in found.sections["patches"]


def test_ctrl_c_while_parts_are_drawn(model, tmp_path, monkeypatch, only):
    only("answers", "channels", "mistakes", "pictures")
    montage = show.montage

    def interrupted(*arguments, **named):
        signal.raise_signal(signal.SIGINT)
        return montage(*arguments, **named)

    monkeypatch.setattr(show, "montage", interrupted)
    with pytest.warns(UserWarning, match="Interrupted: Not drawn: Channels, Worst mistakes, Pictures"):
        path = write_report(model, images_for(8), tmp_path / "report.html", [0, 1] * 4)
    found = read(path)
    assert "of 8 labelled pictures" in found.sections["answers"]
    assert "Stopped before this was drawn." in found.sections["channels"]
    assert "Stopped before this was drawn." in found.sections["mistakes"]
    assert "Stopped" in found.sections["head"]


@pytest.mark.parametrize("kind", ["pictures", "several inputs"])
def test_ctrl_c_while_findings_are_measured(kind, model, two_inputs, tmp_path, monkeypatch, only):
    only("answers", "findings", "mistakes", "pictures")
    whole = parts_module.diagnose

    def interrupted(*arguments):
        return replace(whole(*arguments), interrupted=True)

    monkeypatch.setattr(parts_module, "diagnose", interrupted)
    network, given = (model, images_for(8)) if kind == "pictures" else (two_inputs, [images_for(8)] * 2)
    with pytest.warns(UserWarning, match="Interrupted: Not all of this was done: Findings."):
        path = write_report(network, given, tmp_path / "report.html", [0, 1] * 4)
    found = read(path)
    assert "Stopped before the end. Not all of this was done: Findings." in found.sections["head"]
    assert len(found.tables["Findings"]) > 10
    if kind == "pictures":
        assert "Not drawn: Worst mistakes, Pictures." in found.sections["head"]
        assert "of 8 labelled pictures" in found.sections["answers"]
        assert "Stopped before this was drawn." in found.sections["mistakes"]


def test_the_command_tells_of_ctrl_c_while_findings_are_measured(model, pictures, tmp_path, monkeypatch, capsys, only):
    only("findings", "pictures")
    model.save(tmp_path / "mine.keras")
    monkeypatch.setattr("coursekit.techniques.diagnosis_layers.filters", lambda *_: signal.raise_signal(signal.SIGINT))
    command = ["report", str(tmp_path / "mine.keras"), "--pictures", str(pictures), "--to", str(tmp_path / "r.html")]
    assert main(command) == 130
    assert "Not all of this was done: Findings." in capsys.readouterr().err
    assert "It was interrupted before this was measured." in read(tmp_path / "r.html").sections["findings"]


def test_the_command(model, pictures, tmp_path, monkeypatch, capsys, only):
    only("answers", "pictures")
    model.save(tmp_path / "mine.keras")
    (tmp_path / "classes.txt").write_text("dog\n$x_1$ <b>\ncat\n", encoding="utf-8")
    to = tmp_path / "report.html"
    command = ["report", str(tmp_path / "mine.keras"), "--pictures", str(pictures), "--to", str(to)]
    reads = []

    def read_picture(*arguments):
        reads.append(1)
        if len(reads) == 10:  # Ctrl-C while the third block is read: the first one is done
            signal.raise_signal(signal.SIGINT)
        return original(*arguments)

    original = streams.read_picture
    monkeypatch.setattr(streams, "read_picture", read_picture)
    assert (
        main([*command, "--labels", "by-folder", "--classes", str(tmp_path / "classes.txt"), "--batch-size", "4"])
        == 130
    )
    said = capsys.readouterr().err
    assert "Stopped." in said
    assert re.search(r"\d of 16 pictures were looked at", said)
    found = read(to)
    assert "Report on mine.keras" in found.sections["head"]
    assert "by their names, as given" in found.sections["pictures"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "none.keras"}, "There is no file 'none.keras'"),
        ({"--pictures": "nowhere"}, "There is no folder nowhere"),
        ({"--pictures": "empty"}, "The folder empty is empty"),
        ({"--pictures": "texts"}, "None of these 1 files can be read as a picture. note.txt"),
        ({"--to": "report.txt"}, "a file whose name ends in .html, not 'report.txt'"),
        ({"--to": "nowhere/report.html"}, "nowhere for the page. Make it, or name a file somewhere else."),
        ({"--to": "mine.keras/report.html"}, "There is no folder"),
        ({"--to": "page.html"}, "page.html is a folder. Name a file for the page, such as page.html/report.html."),
        ({"--to": f"{'x' * 300}.html"}, "with a shorter name if this one is long."),
        ({"--to": f"{'x' * 240}.html"}, "with a shorter name if this one is long."),
        ({"--classes": "latin.txt"}, "latin.txt is no text in UTF-8"),
        ({"--labels": "by-folder"}, "lie in no sub-folders"),
        ({"--batch-size": "0"}, "batch_size must be at least 1"),
    ],
)
def test_what_the_command_says(changes, said, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "texts", "page.html"):
        (tmp_path / name).mkdir()
    (tmp_path / "texts" / "note.txt").write_text("no picture")
    (tmp_path / "latin.txt").write_bytes("Käfer\n".encode("latin-1"))
    model.save("mine.keras")
    given = {"model": "mine.keras", "--pictures": "texts", "--to": "report.html", **changes}
    command = ["report", given.pop("model")]
    assert main(command + [word for pair in given.items() for word in pair]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("place", ["page.html", "nowhere/page.html", f"{'x' * 300}.html", "/proc/page.html"])
def test_a_page_that_cannot_be_written_costs_no_work(place, tmp_path, monkeypatch):
    if place.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("no folder that nobody can write to")
    (tmp_path / "page.html").mkdir()
    monkeypatch.setattr(writing, "load_network", lambda path: pytest.fail("It went to work."))
    with pytest.raises(OSError, match=r"Name a file|name a file"):
        write_report("mine.keras", "pictures", tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_the_command_expands_the_home_folder_and_takes_a_file_of_notepad(model, tmp_path, monkeypatch, capsys, only):
    only("answers", "pictures")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "pictures").mkdir()
    write_pictures(tmp_path / "pictures")
    model.save(tmp_path / "mine.keras")
    (tmp_path / "classes.txt").write_text("\ufeffdog\r\n$x_1$ <b>\r\ncat\r\n", encoding="utf-8", newline="")
    command = ["report", "~/mine.keras", "--pictures=~/pictures", "--to=~/r.html", "--classes=~/classes.txt"]
    assert main([*command, "--labels", "by-folder"]) == 0
    assert capsys.readouterr().out.startswith(str(tmp_path / "r.html"))
    assert "by their names, as given" in read(tmp_path / "r.html").sections["pictures"]


@pytest.fixture(scope="module")
def two_inputs():
    left, right = keras.Input((12, 12, 3), name="left"), keras.Input((12, 12, 3), name="right")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(layers.Subtract()([left, right])))
    return keras.Model([left, right], layers.Dense(2)(x))


def test_a_network_with_two_inputs_and_a_folder(two_inputs, pictures, tmp_path):
    found = read(write_report(two_inputs, pictures, tmp_path / "report.html"))
    assert set(found.sections) == {"head", "architecture"}
    assert "not shown. Pictures are for networks with one input" in found.sections["head"]
    assert "Give write_report one array for each input instead of a folder" in found.sections["head"]
    assert "conv2d" in found.sections["architecture"]


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_a_network_with_two_inputs_and_its_arrays(kind, two_inputs, tmp_path):
    given = [images_for(8), images_for(8)[::-1]]
    given = given if kind == "list" else dict(zip(("right", "left"), given[::-1], strict=True))
    found = read(write_report(two_inputs, given, tmp_path / "report.html", [0, 1] * 4))
    expected = diagnose(two_inputs, [images_for(8), images_for(8)[::-1]], np.array([0, 1] * 4))
    rows = found.tables["Findings"][1:]
    assert [(row[0], row[5]) for row in rows] == [(one.name, one.says) for one in expected]
    assert not [row for row in rows if "It needs labels" in row[5]]
    assert "Measured on the pictures given." in found.sections["findings"]
    assert "not shown. Pictures are for networks with one input" in found.sections["head"]


def test_arrays_that_do_not_fit_two_inputs(two_inputs, tmp_path):
    with pytest.raises(TypeError, match="takes 2 inputs: give a list of arrays for left, right"):
        write_report(two_inputs, images_for(8), tmp_path / "report.html")
    with pytest.raises(ValueError, match="'right' is missing"):
        write_report(two_inputs, {"left": images_for(8)}, tmp_path / "report.html")
    with pytest.raises(ValueError, match="8 pictures but 3 labels"):
        write_report(two_inputs, [images_for(8)] * 2, tmp_path / "report.html", [0, 1, 1])
    assert not list(tmp_path.iterdir())


def test_a_network_that_takes_four_channels(pictures, tmp_path):
    model = keras.Sequential([keras.Input((12, 12, 4)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])
    found = read(write_report(model, pictures, tmp_path / "report.html"))
    assert "in colours or in grey, but this network takes 4 channels" in found.sections["head"]


def test_pictures_of_another_size(model, tmp_path):
    with pytest.raises(ValueError, match="Picture 0 is 8 x 8, but this network takes 12 x 12"):
        write_report(model, np.zeros((3, 8, 8, 3), np.uint8), tmp_path / "report.html")
    with pytest.raises(ValueError, match="pass only once"):
        write_report(model, iter(images_for(3)), tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_a_grey_network_without_weights_of_its_own_and_without_labels(pictures, tmp_path, only):
    only("answers", "patches", "mistakes")
    x = keras.Input((12, 12, 1))
    y = layers.GlobalAveragePooling2D()(layers.DepthwiseConv2D(3, depth_multiplier=4)(x))
    found = read(write_report(keras.Model(x, layers.Dense(1, activation="sigmoid")(y)), pictures, tmp_path / "r.html"))
    assert "No labels were given" in found.sections["answers"]
    assert "whose two largest outputs lie nearest together" in found.sections["mistakes"]
    rows = found.tables["Most frequent answers"][1:]
    assert sum(int(row[1]) for row in rows) == 15


@pytest.fixture(scope="module")
def measuring():
    """A network that gives one number, which is no probability."""
    keras.utils.set_random_seed(2)
    x = keras.Input((12, 12, 3))
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(layers.Rescaling(1 / 255, -0.5)(x)))
    return keras.Model(x, layers.Dense(1)(y))


def test_one_number_is_of_no_class(measuring, pictures, outputs, tmp_path, only):
    only("answers", "map", "mistakes")
    found = read(write_report(measuring, pictures, tmp_path / "report.html"))
    numbers = np.asarray(measuring(outputs[3].astype(np.float32)))[:, 0]
    order = np.argsort(numbers)
    expected = [(word, f"{numbers[i]:.3g}", outputs[2][i])
                for word, i in zip(("smallest", "middle", "largest"), order[[0, 7, 14]], strict=True)]  # fmt: skip
    assert found.tables["The numbers"][1:] == [list(row) for row in expected]
    assert "gives one number for each picture, and it is no probability" in found.sections["answers"]
    assert "tells no classes apart" in found.sections["mistakes"]
    assert "Map of the features" in found.sections["map"]
    assert not [text for text in found.sections.values() if "class 0" in text or "class 1" in text]


@pytest.mark.parametrize("told", ["labels", "names"])
def test_one_number_tells_two_classes_apart_if_somebody_says_so(told, measuring, outputs, tmp_path, only):
    only("answers", "mistakes")
    images = outputs[3]
    numbers = np.asarray(measuring(images.astype(np.float32)))[:, 0]
    assert 0 < (numbers > 0).sum() < 15
    if told == "labels":
        found = read(write_report(measuring, images, tmp_path / "report.html", [0, 1, 1] * 5))
        right = ((numbers > 0) == ([0, 1, 1] * 5)).sum()
        assert f"{right} of 15 labelled pictures" in found.sections["answers"]
        wrong = np.flatnonzero((numbers > 0) != ([0, 1, 1] * 5))
        worst = wrong[np.argmax(abs(numbers[wrong]))]
        assert f"picture {worst}" in found.sections["mistakes"].partition("output")[0]
        assert "above 0 counts as “class 1”, the rest as “class 0”" in found.sections["answers"]
    else:
        names = ["low", "high"]
        found = read(write_report(measuring, images, tmp_path / "report.html", class_names=names))
        assert "above 0 counts as “high”, the rest as “low”" in found.sections["answers"]
        worst = np.argmin(abs(numbers))
        assert "whose number lies nearest to 0" in found.sections["mistakes"]
    first = found.sections["mistakes"].partition("the network's number ")[2].partition(".\n")[0]
    assert first.startswith(f"{numbers[worst]:.3g}")
    assert ", output" not in found.sections["mistakes"]


def test_names_of_imagenet_are_said_to_be_taken(pictures, tmp_path, only):
    only("answers")
    pool = layers.GlobalAveragePooling2D()
    model = keras.Sequential([keras.Input((12, 12, 3)), pool, layers.Dense(1000, activation="softmax")])
    said = "Classes are called by ImageNet's names, because there are 1,000; --classes"
    assert said in read(write_report(model, pictures, tmp_path / "report.html")).sections["answers"]
    named = write_report(model, pictures, tmp_path / "report.html", class_names=[f"kind {i}" for i in range(1000)])
    assert said not in read(named).sections["answers"]


@pytest.mark.parametrize("kind", ["absolute", "relative"])
def test_a_list_of_files_by_folder(kind, model, pictures, found, tmp_path, monkeypatch, only):
    only("answers", "pictures")
    monkeypatch.chdir(pictures.parent)
    files = sorted(path for path in pictures.rglob("*.png"))
    files = files if kind == "absolute" else [path.relative_to(pictures.parent) for path in files]
    listed = read(write_report(model, files, tmp_path / "report.html", "by-folder", batch_size=4))
    assert listed.tables["Answers by class"] == found.tables["Answers by class"]
    assert "Sub-folders were matched" in listed.sections["pictures"]


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names are text there")
def test_names_that_are_no_text(model, tmp_path, capsys):
    place = os.fsencode(tmp_path / "pictures")
    for i, kind in enumerate((b"caf\xe9", b"bar", b"th\xe9")):
        os.makedirs(place + b"/" + kind)
        for j in range(2):
            keras.utils.save_img(tmp_path / "one.png", images_for(6)[2 * i + j])
            os.rename(tmp_path / "one.png", place + b"/" + kind + b"/\xe9%d.png" % j)
    with open(place + b"/bar/\xe9broken.png", "wb") as file:
        file.write(b"no picture")
    to = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.html")
    model.save(tmp_path / "mine.keras")
    command = ["report", str(tmp_path / "mine.keras"), "--pictures", os.fsdecode(place), "--to", to]
    assert main([*command, "--labels", "by-folder"]) == 0
    assert r"caf\udce9.html" in capsys.readouterr().out
    with open(to, encoding="utf-8") as file:
        found = Read(file.read())
    assert [row[0] for row in found.tables["Answers by class"][1:]].count("caf?") == 1
    assert "?broken.png" in found.sections["pictures"]
    assert "?0.png" in found.sections["channels"]
    assert "?0.png" in found.alts["channels"][0]
    assert not [text for key, text in found.sections.items() if "Not shown" in text]


def test_layers_whose_names_begin_with_a_line(tmp_path):
    def named(before):
        keras.utils.set_random_seed(2)
        maps = layers.Conv2D(4, 3, activation="relu", name=f"{before}conv")
        head = [layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax", name=f"{before}dense")]
        return keras.Sequential([keras.Input((12, 12, 3)), maps, *head], name="network")

    pages = [read(write_report(named(b), images_for(8), tmp_path / f"{b}.html", [0, 1] * 4)) for b in ("_", "plain_")]
    assert not [text for text in pages[0].sections.values() if "Not shown" in text]
    assert pages[0].tables["Answers by class"] == pages[1].tables["Answers by class"]


def test_a_deep_network_stays_small(tmp_path, only):
    only("architecture", "answers", "channels", "patches")
    x = y = keras.Input((8, 8, 3))
    for i in range(60):
        y = layers.Conv2D(70 if i == 59 else 2, 3, padding="same", activation="relu")(y)
    model = keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(y)))
    names, count, _ = layers_to_show(model)
    assert (len(names), count) == (MOST_LAYERS, 60)
    assert [names[0], names[-1]] == [model.layers[1].name, model.layers[60].name]
    path = write_report(model, photos(8)[0][:4], tmp_path / "report.html")
    assert path.stat().st_size < MOST_BYTES / 3
    found = read(path)
    assert (
        "Shown are 6 of 60 convolutions, each behind its normalization and activation, spread evenly."
        in found.sections["channels"]
    )
    assert "The first 64 of 70 channels." in found.sections["channels"]
    assert "8 of 70 channels, spread evenly." in found.sections["patches"]


def test_what_would_be_too_large_is_left_out_and_that_is_said(monkeypatch):
    monkeypatch.setattr(page_module, "MOST_BYTES", 4000)
    found = Read(page("title", "", [Part("a", "A", "x" * 3000), Part("b", "B", "y" * 3000), Part("c", "C", "z" * 500)]))
    assert "xxx" in found.sections["a"]
    assert "Left out: the page would be larger" in found.sections["b"]
    assert "zzz" in found.sections["c"]


def test_the_architecture_of_a_large_network_is_cut(model):
    table = analyze(model)
    whole, cut = standing_html(table), standing_html(table, most=4)
    assert "data:image/svg" in whole
    assert "data:image/svg" not in cut
    assert (whole.count("<tr style"), cut.count("<tr style")) == (len(table), 4)
    assert "the table ends after 4 layers" in cut
    assert "onwheel" not in whole
