/** A chart as an image: its SVG with the styles written out, a title above and a legend below. */
import type { Line } from './series';

const padding = 16;
const scale = 2;
const styles = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-opacity',
  'fill-opacity',
  'opacity',
  'font-size',
  'font-family',
];

/** A copy of the SVG that looks the same without the page's style sheets. */
function standalone(svg: SVGSVGElement): SVGSVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const [from, to] = [svg.querySelectorAll<SVGElement>('*'), copy.querySelectorAll<SVGElement>('*')];
  from.forEach((element, i) => {
    const computed = getComputedStyle(element);
    for (const name of styles) to[i]!.style.setProperty(name, computed.getPropertyValue(name));
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.style.background = 'none';
  return copy;
}

async function image(svg: SVGSVGElement): Promise<HTMLImageElement> {
  const text = new XMLSerializer().serializeToString(standalone(svg));
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await picture.decode();
  return picture;
}

/** @param svg the chart as drawn; @param lines for the legend */
export async function pngOf(
  svg: SVGSVGElement,
  title: string,
  lines: readonly (Pick<Line, 'title' | 'colour' | 'dash'> & { readonly marker?: string; readonly hollow?: boolean })[],
): Promise<Blob> {
  const { width, height } = svg.getBoundingClientRect();
  const page = getComputedStyle(document.body);
  const picture = await image(svg);
  const rows = Math.ceil((lines.length * 180) / width);
  const canvas = document.createElement('canvas');
  canvas.width = scale * (width + 2 * padding);
  canvas.height = scale * (height + 3 * padding + 20 + rows * 20);
  const context = canvas.getContext('2d')!;
  context.scale(scale, scale);
  context.fillStyle = page.backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = page.color;
  context.font = `600 14px ${page.fontFamily}`;
  context.fillText(title, padding, padding + 12);
  context.drawImage(picture, padding, 2 * padding + 12, width, height);
  context.font = `12px ${page.fontFamily}`;
  const perRow = Math.max(1, Math.floor(width / 180));
  lines.forEach((line, i) => {
    const [x, y] = [padding + (i % perRow) * 180, 3 * padding + 20 + height + Math.floor(i / perRow) * 20];
    context.save();
    context.strokeStyle = resolved(line.colour);
    context.fillStyle = resolved(line.colour);
    if (line.marker !== undefined) {
      context.translate(x + 12, y - 4);
      context.lineWidth = 1.5;
      if (line.hollow) context.stroke(new Path2D(line.marker));
      else context.fill(new Path2D(line.marker));
    } else {
      context.lineWidth = 2;
      context.setLineDash((line.dash ?? '').split(' ').filter(Boolean).map(Number));
      context.stroke(new Path2D(`M${x},${y - 4}h24`));
    }
    context.restore();
    context.fillText(line.title, x + 30, y, 144);
  });
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The image could not be made.'))), 'image/png'),
  );
}

/** `var(--method-0)` as the colour it stands for now. */
function resolved(colour: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : colour;
}
