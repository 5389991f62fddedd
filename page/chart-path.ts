/** The geometry of charts. */

/** Values over a chart of `slots` places, the newest at the right edge; `top` is the value at the upper edge. */
export function linePath(
  values: readonly number[],
  slots: number,
  width: number,
  height: number,
  top: number,
): string {
  const step = width / Math.max(1, slots - 1);
  const start = slots - values.length;
  return values
    .map((value, index) => {
      const x = (start + index) * step;
      const y = height - (height * Math.min(value, top)) / top;
      return `${index === 0 ? 'M' : 'L'}${rounded(x)} ${rounded(y)}`;
    })
    .join('');
}

/** The same without the stretches in which nothing was there: `M` begins anew after each. */
export function brokenPath(values: readonly number[], line: string): string {
  const points = line.split(/(?=[ML])/);
  const isThere = (index: number): boolean =>
    values.slice(Math.max(0, index - 1), index + 2).some((value) => value > 0);
  return points
    .map((point, index) => {
      if (!isThere(index)) return '';
      return index > 0 && isThere(index - 1) ? point : `M${point.slice(1)}`;
    })
    .join('');
}

/** What is under that line. */
export function areaPath(line: string, count: number, slots: number, width: number, height: number): string {
  if (count === 0) return '';
  const left = ((slots - count) * width) / Math.max(1, slots - 1);
  return `${line}L${width} ${height}L${rounded(left)} ${height}Z`;
}

/** A round value at or above the highest, so that the scale does not move with every sample. */
export function scaleTop(values: readonly number[]): number {
  const highest = Math.max(1, ...values);
  const magnitude = 10 ** Math.floor(Math.log10(highest));
  return (
    [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((factor) => factor * magnitude).find((top) => top >= highest) ??
    highest
  );
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
