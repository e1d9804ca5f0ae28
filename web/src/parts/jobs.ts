/** Work in the background: which of it is shown, in which order, and in which words. */

import type { Job } from "../api/types";

export const isOver = (job: Job): boolean => !["queued", "running"].includes(job.state);
export const countEnded = (jobs: readonly Job[]): number => jobs.filter(isOver).length;

/** What is at work, then what waits in its order, then what ended last; older ones are counted. */
export function arrangeJobs(jobs: readonly Job[], numShown = 5): { shown: readonly Job[]; numOlder: number } {
  const ended = jobs.filter(isOver);
  const waiting = jobs.filter((job) => job.state === "queued").sort((left, right) => (left.queue_place ?? 0) - (right.queue_place ?? 0));
  const shown = [...jobs.filter((job) => job.state === "running"), ...waiting, ...ended.slice(0, numShown)];
  return { shown, numOlder: Math.max(0, ended.length - numShown) };
}

export function describeJob(job: Job): string {
  const text = job.error ?? String(job.progress["text"] ?? "");
  if (job.queue_place === null) return text;
  return `${text}: ${job.queue_place === 1 ? "next in the queue" : `number ${job.queue_place} in the queue`}`;
}
