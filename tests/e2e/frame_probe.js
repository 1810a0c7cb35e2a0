// Reads every picture off the very canvas the viewer drew it on: the number in the picture's own
// pixels (sali_core/data/phantom/frame_code.py) and the number that the outlines of its mask spell
// (tests/fakes/spelling_engine.py). Runs in the overlay's worker, or on the page where the overlay
// runs there; `self.frameProbe` holds the counts.
(() => {
  if (self.frameProbe !== undefined) return;
  const BITS = 16;
  const CODE = { width: 256 / 640, height: 32 / 480 };
  const MASK = { size: 352, first: 12, step: 18, square: 24, digits: 4 };
  const KEPT_EXAMPLES = 50;
  const KEPT_PICTURES = 8;

  const probe = {
    shown: 0, unreadable: 0, backwards: 0, masks: 0, wrong: 0, unclear: 0, sizes: {}, masked: {},
    examples: [], lastNumber: null,
  };
  self.frameProbe = probe;
  // What the examples looked like, as PNG in base64: to be looked at when a test fails.
  self.frameProbePictures = [];

  function luma(data, at) {
    return (data[at] + data[at + 1] + data[at + 2]) / 3;
  }

  // Mean grey of the middle of one block of the code.
  function blockMean({ data, width, height }, row, bit) {
    const stepX = (CODE.width * width) / BITS;
    const stepY = (CODE.height * height) / 2;
    const top = height * (1 - CODE.height) + row * stepY;
    const [x0, x1] = [Math.round((bit + 0.3) * stepX), Math.round((bit + 0.7) * stepX)];
    const [y0, y1] = [Math.round(top + 0.3 * stepY), Math.round(top + 0.7 * stepY)];
    let sum = 0;
    let count = 0;
    for (let y = y0; y < Math.max(y1, y0 + 1); y++) {
      for (let x = x0; x < Math.max(x1, x0 + 1); x++, count++) sum += luma(data, 4 * (y * width + x));
    }
    return sum / count;
  }

  function readNumber(picture) {
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const [upper, lower] = [blockMean(picture, 0, bit), blockMean(picture, 1, bit)];
      if (Math.abs(upper - lower) < 48) return null;
      number = number * 2 + (upper > lower ? 1 : 0);
    }
    return number;
  }

  // Top and bottom row of the outline (#00ffd0, client_web/src/overlayRenderer.ts) in one quarter of the picture; null without any.
  function extent({ data, width, height }, column) {
    const [x0, x1] = [0, 1].map((side) => Math.round(((column + side) * width) / MASK.digits));
    const bottom = Math.floor(height * (1 - CODE.height));
    let first = null;
    let last = null;
    for (let y = 0; y < bottom; y++) {
      for (let x = x0; x < x1; x++) {
        const at = 4 * (y * width + x);
        if (data[at] > 40 || data[at + 1] < 215 || Math.abs(data[at + 2] - 208) > 40) continue;
        first ??= y;
        last = y;
        break;
      }
    }
    return first === null ? null : [first, last + 1];
  }

  // The number that the outlines spell; null without a mask, -1 where they spell none.
  function readMask(picture) {
    const extents = Array.from({ length: MASK.digits }, (_, column) => extent(picture, column));
    if (extents.every((rows) => rows === null)) return null;
    let number = 0;
    for (const rows of extents) {
      if (rows === null) return -1;
      const scale = MASK.size / picture.height;
      const centre = ((rows[0] + rows[1]) / 2) * scale;
      const place = (centre - MASK.first - MASK.square / 2) / MASK.step;
      const digit = Math.round(place);
      const isWhole = Math.abs((rows[1] - rows[0]) * scale - MASK.square) < MASK.step / 2;
      if (!isWhole || Math.abs(place - digit) > 0.35 || digit < 0 || digit > 15) return -1;
      number = number * 16 + digit;
    }
    return number;
  }

  function keep(kind, number, mask, picture) {
    if (probe.examples.length >= KEPT_EXAMPLES) return;
    const { width, height } = current.size;
    const extents = Array.from({ length: MASK.digits }, (_, column) => extent(picture, column));
    probe.examples.push({ kind, number, mask, size: [width, height], canvas: [picture.width, picture.height], extents });
    if (probe.examples.length <= KEPT_PICTURES) void keepPicture(picture);
  }

  async function keepPicture(picture) {
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    canvas.getContext("2d").putImageData(picture, 0, 0);
    const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    self.frameProbePictures.push(btoa(text));
  }

  function count(sizes, { width, height }) {
    const size = `${width}x${height}`;
    sizes[size] = (sizes[size] ?? 0) + 1;
  }

  let current = null;

  function newPicture(number, size, picture) {
    probe.shown++;
    count(probe.sizes, size);
    if (number === null) {
      probe.unreadable++;
      keep("unreadable", number, null, picture);
      return;
    }
    const step = probe.lastNumber === null ? 1 : (number - probe.lastNumber) & 0xffff;
    if (step === 0 || step >= 0x8000) {
      probe.backwards++;
      keep("backwards", number, probe.lastNumber, picture);
    }
    probe.lastNumber = number;
  }

  function read(context, image, isStroked) {
    const { width, height } = context.canvas;
    const picture = context.getImageData(0, 0, width, height);
    const number = readNumber(picture);
    if (current?.image !== image) {
      // The canvas may be larger than the picture, to draw sharper lines on it.
      const size = { width: image.displayWidth ?? image.width, height: image.displayHeight ?? image.height };
      current = { image, size, hadMask: false };
      newPicture(number, size, picture);
    }
    // Pictures that a decoder spoiled may hold the outline's colour: a mask is what was stroked.
    const mask = isStroked ? readMask(picture) : null;
    if (mask === null) return;
    if (!current.hadMask) {
      probe.masks++;
      count(probe.masked, current.size);
    }
    current.hadMask = true;
    if (mask === -1 || number === null) {
      probe.unclear++;
      keep("unclear", number, mask, picture);
    } else if (mask !== number) {
      probe.wrong++;
      keep("wrong", number, mask, picture);
    }
  }

  // Contexts with lines on their picture.
  const stroked = new WeakSet();
  const isPicture = (canvas) => !("className" in canvas) || canvas.className === "picture";
  for (const name of ["OffscreenCanvasRenderingContext2D", "CanvasRenderingContext2D"]) {
    const prototype = self[name]?.prototype;
    if (prototype === undefined) continue;
    const { drawImage, stroke } = prototype;
    prototype.drawImage = function (image, ...rest) {
      drawImage.call(this, image, ...rest);
      stroked.delete(this);
      // The outline follows in the same task: read when both are there.
      if (isPicture(this.canvas)) queueMicrotask(() => read(this, image, stroked.has(this)));
    };
    prototype.stroke = function (...path) {
      stroke.apply(this, path);
      stroked.add(this);
    };
  }
})();
