// How the page of a parse behaves. Times are the record's, in milliseconds; the clock of a clip's file begins at its start_ms.
const clips = JSON.parse(document.getElementById("media").textContent);
const player = document.getElementById("player");
const silent = document.getElementById("silent");
const part = document.getElementById("part");
const marks = document.querySelectorAll("i.now");
const cards = document.querySelectorAll("article[data-start]");
let clip = null;
let wanted = null; // { time, plays }: where to go once the file is open

function findClip(time) {
  if (clip && clip.start_ms <= time && time < clip.end_ms) return clip;
  return clips.find((one) => time < one.end_ms) ?? clips.at(-1);
}

function seek({ time, plays }) {
  player.currentTime = Math.max(0, time - clip.start_ms) / 1000;
  if (plays) player.play().catch(() => {}); // refused or cut short: it stays where it is, paused
}

function goTo(time, plays) {
  const next = findClip(time);
  if (next === clip && wanted === null) return seek({ time, plays });
  wanted = { time, plays };
  if (next === clip) return;
  clip = next;
  player.src = clip.src;
  part.hidden = clips.length < 2;
  part.textContent = `Part ${clips.indexOf(clip) + 1} of ${clips.length} of the recording`;
}

player.addEventListener("loadedmetadata", () => {
  player.hidden = false;
  silent.hidden = true;
  if (wanted !== null) seek(wanted);
  wanted = null;
});
player.addEventListener("error", () => {
  player.hidden = true;
  silent.hidden = false;
  wanted = null;
});
player.addEventListener("ended", () => {
  if (clip !== clips.at(-1)) goTo(clip.end_ms, true);
});
player.addEventListener("timeupdate", () => {
  const now = clip.start_ms + player.currentTime * 1000;
  for (const mark of marks) {
    const start = Number(mark.dataset.start), end = Number(mark.dataset.end);
    mark.hidden = now < start || now > end;
    mark.style.left = `${(100 * (now - start)) / (end - start)}%`;
  }
  for (const card of cards) card.classList.toggle("now", now >= Number(card.dataset.start) && now < Number(card.dataset.end));
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-at]");
  const lane = event.target.closest(".lane[data-start]");
  if (button) {
    goTo(Number(button.dataset.at), button.matches(".strip") || !player.paused);
    if (button.dataset.to) document.getElementById(button.dataset.to)?.scrollIntoView({ behavior: "smooth", block: "nearest" });
  } else if (lane) {
    const start = Number(lane.dataset.start), end = Number(lane.dataset.end), box = lane.getBoundingClientRect();
    goTo(start + ((end - start) * (event.clientX - box.left)) / box.width, !player.paused);
  }
});
goTo(clips[0].start_ms, false);
