// Strokes on a mask, and drawing them: brush strokes, outlines and fills.
//
// A stroke is {kind, erase, points}, with a radius for the brush and runs [y, from, to, …] of pixels for a fill. All
// lengths are pixels of the preview.

/** Draw a stroke in one color; of a brush stroke, the segments that end at the points from `first` on. */
export function drawStroke(context, stroke, color, first = 0) {
  context.strokeStyle = context.fillStyle = color;
  context.beginPath();
  if (stroke.kind === "fill") {
    const { runs } = stroke;
    // One pixel more on each side, so that no seam is left along a soft edge.
    for (let k = 0; k < runs.length; k += 3) context.rect(runs[k + 1] - 1, runs[k] - 1, runs[k + 2] - runs[k + 1] + 2, 3);
    context.fill();
  } else if (stroke.kind === "lasso") {
    for (const point of stroke.points) context.lineTo(...point);
    context.closePath();
    context.fill();
  } else {
    context.lineWidth = 2 * stroke.radius;
    context.lineCap = context.lineJoin = "round";
    const points = stroke.points.slice(Math.max(0, first - 1));
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point); // a line from a point to itself is a dot
    context.stroke();
  }
}

/** The connected area around a point, painted or unpainted, as runs [y, from, to, …]. */
export function runsAround(context, x, y) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const [column, row] = [Math.floor(x), Math.floor(y)];
  if (column < 0 || row < 0 || column >= width || row >= height) return [];
  const open = new Uint8Array(width * height); // 1 where the area may continue
  const inside = data[4 * (row * width + column) + 3] >= 128;
  for (let k = 0; k < open.length; k++) open[k] = data[4 * k + 3] >= 128 === inside;
  const runs = [];
  const seeds = [row * width + column];
  while (seeds.length) {
    const seed = seeds.pop();
    if (!open[seed]) continue;
    const start = seed - (seed % width);
    let [from, to] = [seed, seed + 1];
    while (from > start && open[from - 1]) from--;
    while (to < start + width && open[to]) to++;
    open.fill(0, from, to);
    runs.push(start / width, from - start, to - start);
    for (const next of [-width, width]) {
      const [low, high] = [from + next, to + next];
      if (low < 0 || high > open.length) continue;
      for (let k = low; k < high; k++) if (open[k] && (k === low || !open[k - 1])) seeds.push(k);
    }
  }
  return runs;
}

const TINTS = ["#ec1c6e", "#00c46a", "#1e90ff", "#ffd400", "#b14cff"];

/** The one of a few strong colors whose hue is rarest in a picture. */
export function contrastingTint(picture) {
  const context = makeCanvas(24, 24);
  context.drawImage(picture, 0, 0, 24, 24);
  const { data } = context.getImageData(0, 0, 24, 24);
  const nearness = (tint) => {
    const wanted = chroma(...channels(tint));
    let sum = 0;
    for (let k = 0; k < data.length; k += 4) {
      const own = chroma(data[k], data[k + 1], data[k + 2]);
      sum += Math.max(0, own.reduce((total, value, c) => total + value * wanted[c], 0));
    }
    return sum;
  };
  return TINTS.reduce((best, tint) => (nearness(tint) < nearness(best) ? tint : best));
}

function chroma(r, g, b) {
  const mean = (r + g + b) / 3;
  return [r - mean, g - mean, b - mean];
}

export function makeCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
}

/** A mask as a tint that is as opaque as the mask is white. */
export function tinted(mask, width, height, tint) {
  const context = makeCanvas(width, height);
  context.drawImage(mask, 0, 0, width, height);
  const image = context.getImageData(0, 0, width, height);
  const [r, g, b] = channels(tint);
  for (let k = 0; k < image.data.length; k += 4) {
    image.data[k + 3] = image.data[k];
    [image.data[k], image.data[k + 1], image.data[k + 2]] = [r, g, b];
  }
  context.putImageData(image, 0, 0);
  return context.canvas;
}

function channels(tint) {
  return [1, 3, 5].map((at) => parseInt(tint.slice(at, at + 2), 16));
}
