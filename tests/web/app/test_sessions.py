import numpy as np
import pytest

from cdtnet.imaging import Picture
from cdtnet.web.app.photos import Photo
from cdtnet.web.app.sessions import Sessions, UnknownSessionError


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def make_photo(nbytes):
    return Photo(Picture(np.zeros((1, nbytes, 1), np.uint8)))


def is_alive(sessions, name):
    try:
        sessions.use(name)
    except UnknownSessionError:
        return False
    return True


def survivors(sessions, names):
    return [name for name in names if is_alive(sessions, name)]


def test_names_cannot_be_guessed():
    sessions = Sessions(limit=100)
    names = {sessions.open() for _ in range(100)}
    assert len(names) == 100
    assert min(map(len, names)) >= 32


def test_the_one_unused_longest_goes_when_there_are_too_many():
    sessions = Sessions(limit=3)
    first, second, third = (sessions.open() for _ in range(3))
    sessions.use(first)
    fourth = sessions.open()
    assert survivors(sessions, (first, second, third, fourth)) == [first, third, fourth]


def test_the_one_unused_longest_goes_when_they_hold_too_much():
    sessions = Sessions(memory=100)
    first, second = sessions.open(), sessions.open()
    sessions.use(first).uploads["composite"] = make_photo(60)
    sessions.use(second).uploads["composite"] = make_photo(60)
    sessions.trim()
    assert survivors(sessions, (first, second)) == [second]
    sessions.use(second).uploads["mask"] = make_photo(60)
    sessions.trim()
    assert survivors(sessions, (second,)) == [second]


def test_a_new_picture_takes_the_old_ones_place():
    sessions = Sessions()
    session = sessions.use(sessions.open())
    for _ in range(5):
        session.uploads["composite"] = make_photo(60)
    assert session.nbytes == 60


def test_an_old_one_goes():
    clock = Clock()
    sessions = Sessions(age=10, clock=clock)
    first = sessions.open()
    clock.now = 8
    second = sessions.open()
    clock.now = 12
    assert survivors(sessions, (first, second)) == [second]
    clock.now = 30
    sessions.trim()
    assert len(sessions) == 0


def test_a_closed_one_is_unknown():
    sessions = Sessions()
    name = sessions.open()
    sessions.close(name)
    sessions.close(name)
    with pytest.raises(UnknownSessionError, match="has ended"):
        sessions.use(name)
