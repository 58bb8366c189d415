// Draw the points, with WebGL where there is some, and above them pictures, the lasso and the chosen picture.
const CIRCLE = 0, SQUARE = 1, CROSS = 2; // shapes: alone, with copies, left out
const THUMB_PX = 46, CELL_PX = 74, KEPT = 700, MOST_THUMBS = 160;
const ROW = 1e6; // more than cells in a row of the grid of small pictures
const HIDDEN = 0, FAINT = 70, FULL = 255; // opacity of a point

const VERTEX = `#version 300 es
in vec2 position; in vec4 colour; in float shape;
uniform vec2 scale, offset; uniform float size;
out vec4 inside; out float kind;
void main() {
  gl_Position = vec4(position * scale + offset, 0.0, 1.0);
  gl_PointSize = colour.a > 0.0 ? size * (shape > 0.5 ? 1.15 : 1.0) : 0.0;
  inside = colour; kind = shape;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec4 inside; in float kind;
uniform float size;
out vec4 result;
void main() {
  if (inside.a == 0.0) discard;
  vec2 p = (gl_PointCoord - 0.5) * 2.0;
  float far = length(p);
  if (kind > 1.5) far = abs(abs(p.x) - abs(p.y)) * 2.2 + max(abs(p.x), abs(p.y)) * 0.45;
  else if (kind > 0.5) far = max(abs(p.x), abs(p.y)) * 1.1;
  float edge = 2.5 / size;
  float cover = 1.0 - smoothstep(1.0 - edge, 1.0, far);
  if (cover <= 0.0) discard;
  result = vec4(inside.rgb * inside.a * cover, inside.a * cover);
}`;

// onLost: called when the browser takes WebGL away; then the points are drawn plainly, and must be painted again.
export async function makeDrawing(data, canvas, over, library, onLost) {
  const shapes = Float32Array.from(data.out, (isOut, i) => (isOut ? CROSS : data.copies[i] > 1 ? SQUARE : CIRCLE));
  const drawing = { above: makeAbove(data, over), points: library ? await glPoints(data, canvas, shapes).catch(() => null) : null };
  const plain = () => {
    const other = canvas.cloneNode(); // a canvas that had WebGL once has nothing else
    canvas.replaceWith(other);
    drawing.points = plainPoints(data, other, shapes);
  };
  if (!drawing.points) plain();
  else canvas.addEventListener("webglcontextlost", () => { plain(); onLost(); });
  return drawing;
}

async function glPoints(data, canvas, shapes) {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
  if (!gl) return null;
  const twgl = await import("/vendor/twgl/twgl.js");
  const program = twgl.createProgramInfo(gl, [VERTEX, FRAGMENT]);
  if (!program) return null;
  const buffers = twgl.createBufferInfoFromArrays(gl, {
    position: { numComponents: 2, data: data.position },
    colour: { numComponents: 4, data: new Uint8Array(4 * data.count), normalize: true, drawType: gl.DYNAMIC_DRAW },
    shape: { numComponents: 1, data: shapes },
  });
  return {
    paint(colours) { twgl.setAttribInfoBufferFromArray(gl, buffers.attribs.colour, colours); },
    draw(view, size) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.useProgram(program.program);
      twgl.setBuffersAndAttributes(gl, program, buffers);
      const scale = [(2 * view.scale) / view.width, (2 * view.scale) / view.height];
      twgl.setUniforms(program, { scale, offset: [-view.x * scale[0], -view.y * scale[1]], size: size * 2 * view.ratio });
      twgl.drawBufferInfo(gl, buffers, gl.POINTS);
    },
  };
}

function plainPoints(data, canvas, shapes) {
  const context = canvas.getContext("2d");
  let colours = new Uint8Array(4 * data.count);
  return {
    isPlain: true,
    paint(next) { colours = next; },
    draw(view, size) {
      context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
      context.clearRect(0, 0, view.width, view.height);
      for (let i = 0; i < data.count; i++) {
        if (!colours[4 * i + 3]) continue;
        const [x, y] = view.toScreen(data.position[2 * i], data.position[2 * i + 1]);
        if (x < -size || y < -size || x > view.width + size || y > view.height + size) continue;
        const colour = `rgb(${colours[4 * i]} ${colours[4 * i + 1]} ${colours[4 * i + 2]} / ${colours[4 * i + 3] / 255})`;
        context.fillStyle = context.strokeStyle = colour;
        if (shapes[i] === CIRCLE) { context.beginPath(); context.arc(x, y, size, 0, 7); context.fill(); }
        else if (shapes[i] === SQUARE) context.fillRect(x - size, y - size, 2 * size, 2 * size);
        else { context.lineWidth = size * 0.7; context.beginPath(); context.moveTo(x - size, y - size); context.lineTo(x + size, y + size); context.moveTo(x + size, y - size); context.lineTo(x - size, y + size); context.stroke(); }
      }
    },
  };
}

// Colours of all points, RGBA. isShown, isSelected: of a picture. What is not selected is faint.
export function colourAll(count, of, palette, isShown, isSelected) {
  const colours = new Uint8Array(4 * count);
  for (let i = 0; i < count; i++) {
    const [red, green, blue] = palette[of[i]];
    colours.set([red, green, blue, !isShown(i) ? HIDDEN : isSelected(i) ? FULL : FAINT], 4 * i);
  }
  return colours;
}

function makeAbove(data, canvas) {
  const context = canvas.getContext("2d"), pictures = new Map();
  let onLoad = () => {}, isStill = true;

  function picture(i) {
    if (pictures.has(i)) return pictures.get(i);
    if (!isStill) return null;
    const image = new Image();
    image.decoding = "async";
    image.addEventListener("load", () => onLoad());
    image.src = `/thumbs/${data.sha256(i)}.jpg`;
    pictures.set(i, image);
    if (pictures.size > KEPT) pictures.delete(pictures.keys().next().value);
    return image;
  }

  // Pictures that do not lie on each other: one in each cell of a grid that moves with the map.
  function chosen(view, shown) {
    const level = 2 ** Math.round(Math.log2(view.scale)), cell = CELL_PX / level, taken = new Set(), places = [];
    for (const i of shown) {
      const x = data.position[2 * i], y = data.position[2 * i + 1], key = Math.floor(x / cell) * ROW + Math.floor(y / cell);
      if (taken.has(key)) continue;
      const [left, top] = view.toScreen(x, y);
      if (left < 0 || top < 0 || left > view.width || top > view.height) continue;
      if (places.some((place) => Math.abs(place.left - left) < THUMB_PX + 4 && Math.abs(place.top - top) < THUMB_PX + 4)) continue;
      taken.add(key);
      places.push({ i, left, top });
      if (places.length === MOST_THUMBS) break;
    }
    return places;
  }

  function drawThumb({ i, left, top }, colour, size) {
    const image = picture(i);
    if (!image || !image.complete || !image.naturalWidth) return;
    const side = Math.min(image.naturalWidth, image.naturalHeight);
    context.save();
    context.beginPath();
    context.roundRect(left - size / 2, top - size / 2, size, size, 6);
    context.strokeStyle = colour;
    context.lineWidth = 5;
    context.stroke();
    context.clip();
    context.drawImage(image, (image.naturalWidth - side) / 2, (image.naturalHeight - side) / 2, side, side, left - size / 2, top - size / 2, size, size);
    context.restore();
  }

  return {
    set onLoad(listener) { onLoad = listener; },
    set isStill(value) { isStill = value; },
    // shown: pictures that may be drawn small. focus: the chosen one, or -1. lasso: points on the screen.
    draw(view, { shown, focus, lasso, colourOf, ink }) {
      context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
      context.clearRect(0, 0, view.width, view.height);
      for (const place of chosen(view, shown)) drawThumb(place, colourOf(place.i), THUMB_PX);
      if (focus >= 0) {
        const [left, top] = view.toScreen(data.position[2 * focus], data.position[2 * focus + 1]);
        drawThumb({ i: focus, left, top }, ink, THUMB_PX * 1.6);
        context.strokeStyle = ink;
        context.lineWidth = 3;
        context.beginPath();
        context.arc(left, top, THUMB_PX * 1.3, 0, 7);
        context.stroke();
      }
      if (lasso.length > 1) {
        context.beginPath();
        for (const [x, y] of lasso) context.lineTo(x, y);
        context.closePath();
        context.fillStyle = `color-mix(in srgb, ${ink} 12%, transparent)`;
        context.fill();
        context.strokeStyle = ink;
        context.lineWidth = 2;
        context.setLineDash([6, 4]);
        context.stroke();
        context.setLineDash([]);
      }
    },
  };
}
