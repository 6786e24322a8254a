/** The markers of points, as SVG paths around the origin: about equally large, told apart by their outline, drawn filled or hollow. */
type Corner = readonly [x: number, y: number];

const tenths = (value: number) => Math.round(10 * value) / 10;
const polygon = (corners: readonly Corner[]) => `M${corners.map((corner) => corner.map(tenths).join(',')).join('L')}Z`;
const turned = (corners: readonly Corner[], degrees: number): Corner[] => {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return corners.map(([x, y]) => [x * cos - y * sin, x * sin + y * cos]);
};
/** Corners at the radii in turn, the first at the top. */
const around = (count: number, ...radii: number[]): Corner[] =>
  Array.from({ length: count }, (_, i) => turned([[0, -radii[i % radii.length]!]], (360 * i) / count)[0]!);

const circle = 'M5,0A5,5,0,1,1,-5,0A5,5,0,1,1,5,0Z';
const triangle = around(3, 6.4);
// A bar's half width and half length.
const [thin, long] = [1.9, 5.8];
const plus: readonly Corner[] = [0, 90, 180, 270].flatMap((degrees) =>
  turned(
    [
      [-thin, -thin],
      [-thin, -long],
      [thin, -long],
    ],
    degrees,
  ),
);

export const markers: readonly string[] = [
  circle,
  polygon(around(4, 6.2)),
  polygon(turned(around(4, 6.2), 45)),
  polygon(triangle),
  polygon(around(10, 7, 2.9)),
  polygon(turned(plus, 45)),
  polygon(plus),
  polygon(turned(triangle, 180)),
];
