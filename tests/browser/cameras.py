"""Cameras of the tests' own making: any size, any colour, exchanged while the call goes on."""

from __future__ import annotations

from tests.browser.chromium import ChromiumPage
from tests.browser.person import Person

_CAMERA = """
(() => {
  window.camera = { width: %(width)d, height: %(height)d, colour: %(colour)r };
  const { getUserMedia } = MediaDevices.prototype;
  const draw = () => {
    const { width, height, colour } = window.camera;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d');
    let count = 0;
    setInterval(() => {
      context.fillStyle = colour;
      context.fillRect(0, 0, canvas.width, canvas.height);
      // Something that moves, or an encoder has nothing to send.
      context.fillStyle = `rgb(0 255 0 / ${count %% 2 ? 30 : 10}%%)`;
      context.fillRect((count += 7) %% canvas.width, 0, 16, canvas.height);
    }, 40);
    window.canvas = canvas;
    return canvas.captureStream(25).getVideoTracks()[0];
  };
  MediaDevices.prototype.getUserMedia = async function (wanted) {
    const { video, ...others } = wanted;
    const stream = others.audio ? await getUserMedia.call(this, others) : new MediaStream();
    if (video) stream.addTrack(draw());
    return stream;
  };
})()
"""


async def with_camera(person: Person, width: int, height: int, colour: str = "#808080") -> Person:
    """From the next page on, this person's camera gives frames of this size and colour."""
    assert isinstance(person.page, ChromiumPage)
    await person.page.page.add_init_script(camera_script(width, height, colour))
    return person


def camera_script(width: int, height: int, colour: str = "#808080") -> str:
    """The next camera that the page opens is this one."""
    return _CAMERA % {"width": width, "height": height, "colour": colour}


async def choose_camera(person: Person, width: int, height: int) -> None:
    """Exchange the camera as the settings do it."""
    await person.see(f"Object.assign(camera, {{ width: {width}, height: {height} }})")
    await person.see(
        "document.querySelector('#call-devices [data-device=camera] select')"
        ".dispatchEvent(new Event('change'))"
    )


async def turn_camera(person: Person, width: int, height: int) -> None:
    """The same camera in another shape, as when a phone is turned."""
    await person.see(f"[canvas.width, canvas.height] = [{width}, {height}]")
