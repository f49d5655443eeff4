/** Basis points as people write percent: 550 → `5.5 %`. */
export function percent(basisPoints: number): string {
  return `${basisPoints / 100} %`;
}
