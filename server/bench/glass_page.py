"""What runs in the browser's page: looks at the picture at every refresh of the screen.

Each look copies the viewer's canvas, reads the number in the picture and looks for the marker
model's square at each of its places (`marker_model`), outlined in the viewer's colour. So a look
tells which picture is on the glass, whether its own mask is on it, and whether another one is.
"""

from __future__ import annotations

from typing import Any

from server.bench.coded_video import BLOCK_PX
from server.bench.marker_model import PLACES, SIZE, SQUARE_PX, place_of
from server.masks.look import OUTLINE_RGB

START = """(layout) => {
  const {width, height, block, places, half, reach, outline} = layout;
  const copy = document.createElement('canvas');
  copy.width = width;
  copy.height = height;
  const context = copy.getContext('2d', {willReadFrequently: true, alpha: false});
  const glass = {seen: [], looks: 0, unreadable: 0, pixels: null};
  window.saliGlass?.stop();
  window.saliGlass = glass;

  const readNumber = (pixels) => {
    const level = (column, row) => {
      const x = Math.round((column + 0.5) * block);
      const y = height - Math.round((row === 0 ? 1.5 : 0.5) * block);
      let sum = 0;
      for (const [dx, dy] of [[0, 0], [-3, -3], [3, -3], [-3, 3], [3, 3]])
        sum += pixels[4 * ((y + dy) * width + x + dx) + 1];
      return sum / 5;
    };
    let number = 0;
    for (let column = 0; column < 16; column++) {
      const upper = level(column, 0), lower = level(column, 1);
      if (Math.abs(upper - lower) < 48) return null;
      number = number * 2 + (upper > lower ? 1 : 0);
    }
    return number;
  };
  const isLine = (pixels, x, y) => {
    const at = 4 * (Math.round(y) * width + Math.round(x));
    return Math.abs(pixels[at] - outline[0]) + Math.abs(pixels[at + 1] - outline[1]) +
      Math.abs(pixels[at + 2] - outline[2]) < 90;
  };
  const isMarked = (pixels, [shareX, shareY]) => {
    const x = shareX * width, y = shareY * height;
    let top = false, left = false;
    for (let d = -reach; d <= reach; d++) {
      top ||= isLine(pixels, x, y - half[1] + d);
      left ||= isLine(pixels, x - half[0] + d, y);
    }
    return top && left;
  };
  const look = (now) => {
    glass.frame = requestAnimationFrame(look);
    const canvas = document.querySelector('canvas.picture');
    if (canvas === null) return;
    context.drawImage(canvas, 0, 0, width, height);
    const {data} = context.getImageData(0, 0, width, height);
    const at = performance.now();
    glass.looks++;
    const number = readNumber(data);
    if (number === null) {
      glass.unreadable++;
      return;
    }
    let last = glass.seen.at(-1);
    if (last === undefined || last[0] !== number) {
      last = [number, at, 0, 0];
      glass.seen.push(last);
    }
    places.forEach((place, index) => {
      if (!isMarked(data, place)) return;
      if (index !== number % places.length) last[3] = 1;
      else if (last[2] === 0) last[2] = at;
    });
  };
  glass.stop = () => cancelAnimationFrame(glass.frame);
  glass.frame = requestAnimationFrame(look);
}"""
"""Starts to look; forgets what was seen before."""

TAKE = """() => {
  const {seen, looks, unreadable} = window.saliGlass;
  window.saliGlass.stop();
  return {seen, looks, unreadable};
}"""
"""Ends it. `seen`: number, first seen at, its mask first seen at (0: never), 1 if another was."""


def layout_of(width: int, height: int) -> dict[str, Any]:
    """Return what `START` has to know of pictures of this size."""
    return {
        "width": width,
        "height": height,
        "block": BLOCK_PX,
        "places": [place_of(number) for number in range(PLACES)],
        "half": [SQUARE_PX / 2 / SIZE * width, SQUARE_PX / 2 / SIZE * height],
        "reach": round(4 / SIZE * height),
        "outline": OUTLINE_RGB,
    }
