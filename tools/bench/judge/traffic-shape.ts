/**
 * Requests per five minutes at a load balancer, noon to midnight: `data/realAWSCloudwatch/elb_request_count_8c0756.csv`
 * of the Numenta Anomaly Benchmark, 2014-04-10. Copyright 2014-2024 Numenta Inc., MIT licence
 * (https://github.com/numenta/NAB/blob/master/LICENSE.txt).
 */
const COUNTS: readonly number[] = [
  74, 35, 12, 68, 1, 98, 21, 67, 176, 199, 120, 63, 182, 166, 104, 141, 60, 9, 64, 51, 84, 27, 185, 76, 92, 97, 26, 168,
  34, 10, 54, 198, 142, 232, 7, 101, 52, 168, 63, 35, 10, 101, 94, 29, 65, 83, 186, 195, 27, 48, 335, 93, 7, 60, 264,
  39, 116, 11, 119, 129, 50, 101, 187, 25, 53, 129, 170, 86, 99, 14, 64, 46, 82, 17, 41, 14, 303, 80, 15, 71, 78, 43,
  44, 93, 56, 153, 64, 156, 81, 94, 9, 64, 130, 35, 34, 84, 47, 102, 39, 67, 45, 30, 10, 36, 37, 12, 119, 106, 21, 56,
  104, 18, 11, 10, 70, 116, 19, 61, 64, 55, 4, 124, 2, 32, 76, 8, 76, 209, 20, 123, 32, 32, 31, 92, 121, 6, 59, 9, 25,
  54, 113, 39, 5, 9,
];
const PERIOD_S = 300;

/** Requests per second `factor` times as many as there were; `phase` 0–1 is where in the day the rollout begins. */
export function shapedRps(tS: number, phase: number, factor: number): number {
  const at = tS / PERIOD_S + phase * COUNTS.length;
  const index = ((Math.floor(at) % COUNTS.length) + COUNTS.length) % COUNTS.length;
  return ((COUNTS[index] ?? 0) * factor) / PERIOD_S;
}
