"""Images of processes that were restored from an image themselves."""

import json

GENERATIONS = 3


def test_three_generations_of_images_hold_the_same_threads(workshop):
    instead = workshop.programs / "instead"
    previous = instead / "previous"
    for number in range(1, GENERATIONS + 1):
        image = workshop.take(f"generation_{number}", "generation.py", variables={"PYTHONPATH": instead})
        for _ in range(3):
            said = json.loads(image.restored().out)
            assert said == {"rung": "image", "generation": number, "sum": 435, "there": True}
        lines = (image.wrapper, image.archive, *image.program)
        previous.write_text("\n".join(map(str, lines)), encoding="utf-8")
