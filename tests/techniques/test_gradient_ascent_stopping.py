import os
import signal

import numpy as np
import pytest

from coursekit import channel, direction, maximize, neuron
from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import steps as steps_of
from coursekit.techniques.objectives import linear_aim
from coursekit.techniques.optimization import Ascent, ascend
from tests.techniques.ascents import QUICK

layers = keras.layers


class Counting(layers.Layer):
    """Count the times that it is traced and run; at one of them, do something."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.traces, self.runs, self.at, self.do = [], [], None, None

    def call(self, x):
        if not isinstance(x, keras.KerasTensor) and tf.inside_function():
            self.traces.append(x.shape)
            tf.py_function(self.count, [], [])
        return x

    def count(self):
        self.runs.append(1)
        if len(self.runs) == self.at:
            self.do()


@pytest.fixture
def counted():
    """A network, and its layer that counts."""
    keras.utils.set_random_seed(0)
    counting = Counting()
    x = keras.Input((12, 12, 3))
    h = layers.Rescaling(1 / 127.5, offset=-1)(counting(x))
    never_silent = keras.initializers.Constant(3)
    model = keras.Model(x, layers.Conv2D(6, 3, activation="relu", bias_initializer=never_silent, name="conv")(h))
    counting.traces.clear()  # Keras looked at the shape
    return model, counting


def test_one_compilation_for_all_channels_of_a_layer(counted):
    model, counting = counted
    how = {**QUICK, "l2": 0.1}
    maximize(channel(model, "conv", 0), **how)
    once = len(counting.traces)
    assert once == 2  # a step, and the scores
    maximize(channel(model, "conv", 1), **how)
    maximize([channel(model, "conv", index) for index in range(6)], batch_size=4, **how)
    maximize(neuron(model, "conv", 2), seed=3, start=np.full((12, 12, 3), 9), **how)
    maximize(2 * neuron(model, "conv", 2) - channel(model, "conv", 0), **{**how, "l2": 0.2, "learning_rate": 0.1})
    maximize(direction(model, "conv", np.ones(6)), **{**how, "scale": 0, "rotate": 0, "steps": 9})
    assert len(counting.traces) == once
    maximize(channel(model, "conv", 0), **{**how, "parametrization": "pixels"})
    assert len(counting.traces) == once + 1  # the scores stay


class TestStopping:
    def test_one_pass_for_each_step(self, counted):
        model, counting = counted
        maximize(channel(model, "conv", 0), **{**QUICK, "steps": 9})
        assert len(counting.runs) == 9 + 1  # and the scores

    def test_interrupted(self, counted, capsys):
        """Ctrl-C: what a terminal and Jupyter send."""
        model, counting = counted
        counting.at, counting.do = 5, lambda: os.kill(os.getpid(), signal.SIGINT)
        found = maximize([channel(model, "conv", i) for i in range(3)], 10**5, snapshots=[0, 1, 9], progress=False)
        assert "Interrupted: here is how far it has come." in capsys.readouterr().out
        assert len(counting.runs) < 10
        done = int(np.isfinite(found.trace[0]).sum())
        assert 4 <= done <= 5
        for rows in (found.trace, found.penalty):
            assert rows.shape == (3, 10**5)
            assert np.isfinite(rows[:, :done]).all()
            assert np.isnan(rows[:, done:]).all()
        assert list(found.snapshots) == [0, 1]
        assert found.images.shape == (3, 12, 12, 3)
        assert np.abs(found.images - found.snapshots[1]).max() > 1
        as_far = maximize([channel(model, "conv", i) for i in range(3)], done, progress=False)
        np.testing.assert_array_equal(found.images, as_far.images)
        np.testing.assert_array_equal(found.scores, as_far.scores)

    def test_interrupted_in_the_second_batch(self, counted):
        model, counting = counted
        objectives = [channel(model, "conv", i) for i in range(5)]
        whole = maximize(objectives, batch_size=2, snapshots=[0], **QUICK)
        counting.runs.clear()
        counting.at, counting.do = 7 + 4, lambda: os.kill(os.getpid(), signal.SIGINT)
        found = maximize(objectives, batch_size=2, snapshots=[0, 6], **QUICK)
        assert found.images.shape == (4, 12, 12, 3)
        assert found.objectives == objectives[:4]
        np.testing.assert_array_equal(found.images[:2], whole.images[:2])
        np.testing.assert_array_equal(found.trace[:2], whole.trace[:2])
        done = int(np.isfinite(found.trace[2]).sum())
        assert 3 <= done <= 4
        np.testing.assert_array_equal(found.trace[2:, :done], whole.trace[2:4, :done])
        assert np.isnan(found.trace[2:, done:]).all()
        assert found.trace.shape == (4, 6)
        assert list(found.snapshots) == [0]  # the last step was reached by two of four
        np.testing.assert_array_equal(found.snapshots[0], whole.snapshots[0][:4])

    def test_interrupted_before_there_is_anything(self, counted):
        model, _ = counted
        layer = model.get_layer("conv")

        class Interrupting(layers.Layer):
            armed = False

            def call(self, x):
                if self.armed:
                    self.armed = False
                    os.kill(os.getpid(), signal.SIGINT)
                return x

        interrupting = Interrupting()
        x = keras.Input((12, 12, 3))
        model = keras.Model(x, interrupting(layer(x)))
        interrupting.armed = True
        with pytest.raises(KeyboardInterrupt):
            maximize(channel(model, steps_of(model)[-1].name, 0), **QUICK)
        assert layer.activation is keras.activations.relu
        assert np.isfinite(maximize(channel(model, steps_of(model)[-1].name, 0), **QUICK).scores).all()

    def test_whoever_asks_for_no_more_has_stopped_it(self, counted):
        model, counting = counted
        aim = linear_aim([channel(model, "conv", 0)])
        stages = ascend(aim, Ascent(shift=2, scale=0, rotate=0, l2=0.5), 100)
        seen = [next(stages) for _ in range(4)]
        stages.close()
        assert len(counting.runs) == 3
        assert [stage.step for stage in seen] == [0, 1, 2, 3]
        assert np.isnan(seen[0].score).all()
        assert all(np.isfinite([*stage.score, *stage.penalty]).all() for stage in seen[1:])
        # Each keeps its own picture, to be computed whenever it is asked for.
        same = maximize(channel(model, "conv", 0), 3, snapshots=range(4), shift=2, scale=0, rotate=0, l2=0.5,
                        progress=False)  # fmt: skip
        for stage in seen:
            np.testing.assert_array_equal(stage.images(), same.snapshots[stage.step])
        np.testing.assert_array_equal(seen[3].scores(), same.scores)

    def test_progress_bar(self, counted, capsys, monkeypatch):
        monkeypatch.delenv("TQDM_DISABLE", raising=False)
        model, _ = counted
        maximize(channel(model, "conv", 0), 3, progress=True)
        assert capsys.readouterr().out == ""
