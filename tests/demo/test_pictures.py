import io
from random import Random

import pytest
from PIL import Image

from apps.users.catalogue import INTERESTS
from apps.users.models import Gender
from meetsmatch.demo.avatars import draw_avatar
from meetsmatch.demo.looks import LONG_HAIR, SHORT_HAIR, invent_look
from meetsmatch.demo.scenes import DEFAULT_SCENE, SCENES, VARIANTS, draw_scene

MAX_BYTES = 60_000


def test_it_draws_the_same_portrait_for_the_same_look() -> None:
    look = invent_look(Random(7), Gender.WOMAN, 30)
    assert draw_avatar(look) == draw_avatar(look)


@pytest.mark.parametrize("seed", range(12))
def test_it_draws_portraits_that_a_chat_loads_at_once(seed: int) -> None:
    portrait = draw_avatar(invent_look(Random(seed), Gender.values[seed % 3], 18 + 4 * seed))
    assert len(portrait) < MAX_BYTES
    assert Image.open(io.BytesIO(portrait)).size == (800, 1000)


def test_it_draws_people_that_differ() -> None:
    assert len({draw_avatar(invent_look(Random(seed), Gender.MAN, 30)) for seed in range(10)}) == 10


def test_it_gives_every_hairstyle_to_somebody() -> None:
    looks = [invent_look(Random(seed), gender, 45) for seed in range(200) for gender in Gender.values]
    assert {look.hairstyle for look in looks} == {*LONG_HAIR, *SHORT_HAIR}


@pytest.mark.parametrize("scene", sorted({*SCENES.values(), DEFAULT_SCENE}))
@pytest.mark.parametrize("variant", range(VARIANTS))
def test_it_draws_each_scene_in_each_variant(scene: str, variant: int) -> None:
    assert len(draw_scene(scene, variant)) < MAX_BYTES


def test_it_has_scenes_for_real_interests_only() -> None:
    assert set(SCENES) <= set(INTERESTS)
