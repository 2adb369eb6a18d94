// Controls of a harmonized foreground: the formulas of cdtnet/inference/steering.py, on 8-bit pixels.

export const NEUTRAL = {
  strength: 1,
  tone: 1,
  color: 1,
  keep_hue: false,
  brightness: 0,
  contrast: 0,
  warmth: 0,
  tint: 0,
  saturation: 0,
};

const HUE_FLOOR = 0.02;
const BRIGHTEST = 0.25;
const WARMEST = 0.1;
const CORRECTIONS = ["brightness", "contrast", "warmth", "tint", "saturation"];
const [RED, GREEN, BLUE] = [0.299, 0.587, 0.114];

/** Whether the controls change nothing. */
export function isNeutral(controls) {
  return plainShare(controls) === 1;
}

/** The share of the change that is applied, if no other control is set; otherwise null. */
function plainShare({ strength, tone, color, keep_hue, ...rest }) {
  return keep_hue || CORRECTIONS.some((name) => rest[name]) || tone !== color ? null : strength * tone;
}

/**
 * Apply controls to the harmonized picture.
 *
 * All are RGBA bytes of the same pixels: `composite`, `harmonized` at full strength, `before` (the foreground's own
 * colors), `mask` (its red is the coverage), and `out`, which is written where the mask is not black. `levels` are the
 * foreground's mean luma in the composite and as harmonized, 0 to 1.
 */
export function steer(out, pictures, controls, levels) {
  const plain = plainShare(controls);
  if (plain === null) correct(out, pictures, controls, levels);
  else weaken(out, pictures, plain);
}

function weaken(out, { composite, harmonized, mask }, share) {
  for (let k = 0; k < out.length; k += 4) {
    if (!mask[k]) continue;
    for (let c = k; c < k + 3; c++) out[c] = composite[c] + share * (harmonized[c] - composite[c]);
    out[k + 3] = 255;
  }
}

/** One loop without arrays, because it processes all pixels of the screen while a slider moves. Values are bytes. */
function correct(out, { composite, harmonized, before, mask }, controls, levels) {
  const tone = controls.strength * controls.tone;
  const color = controls.strength * controls.color;
  const saturation = 1 + controls.saturation / 100;
  const contrast = 1 + controls.contrast / 100;
  const pivot = 255 * (levels[0] + tone * (levels[1] - levels[0]));
  const [red, green, blue] = shifts(controls).map((shift) => 255 * shift + (1 - contrast) * pivot);
  const floor = 255 * HUE_FLOOR;
  for (let k = 0; k < out.length; k += 4) {
    if (!mask[k]) continue;
    const soft = mask[k] / 255;
    const r = before[k];
    const g = before[k + 1];
    const b = before[k + 2];
    const dr = (harmonized[k] - composite[k]) / soft;
    const dg = (harmonized[k + 1] - composite[k + 1]) / soft;
    const db = (harmonized[k + 2] - composite[k + 2]) / soft;
    const light = RED * dr + GREEN * dg + BLUE * db;
    let x = r + tone * light + color * (dr - light);
    let y = g + tone * light + color * (dg - light);
    let z = b + tone * light + color * (db - light);
    const luma = RED * x + GREEN * y + BLUE * z;
    x -= luma;
    y -= luma;
    z -= luma;
    if (controls.keep_hue) {
      const own = RED * r + GREEN * g + BLUE * b;
      const whole = Math.sqrt((r - own) ** 2 + (g - own) ** 2 + (b - own) ** 2) + floor;
      const turned = Math.sqrt(x * x + y * y + z * z) / whole;
      x = (x * floor) / whole + turned * (r - own);
      y = (y * floor) / whole + turned * (g - own);
      z = (z * floor) / whole + turned * (b - own);
    }
    x = contrast * (luma + saturation * x) + red;
    y = contrast * (luma + saturation * y) + green;
    z = contrast * (luma + saturation * z) + blue;
    out[k] = composite[k] + soft * (Math.min(255, Math.max(0, x)) - r);
    out[k + 1] = composite[k + 1] + soft * (Math.min(255, Math.max(0, y)) - g);
    out[k + 2] = composite[k + 2] + soft * (Math.min(255, Math.max(0, z)) - b);
    out[k + 3] = 255;
  }
}

/** The offset of each channel by brightness, warmth (red up, blue down) and tint (green down). */
function shifts({ brightness, warmth, tint }) {
  const along = (amount, axis) => {
    const light = RED * axis[0] + GREEN * axis[1] + BLUE * axis[2];
    return axis.map((each) => (WARMEST * amount * (each - light)) / 100);
  };
  const [warmer, redder] = [along(warmth, [1, 0, -1]), along(tint, [0, -1, 0])];
  return warmer.map((each, k) => each + redder[k] + (BRIGHTEST * brightness) / 100);
}
