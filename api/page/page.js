// The page is a client of the API like any other: it submits, waits with ?wait=, and shows.

const PAGE = 100;
const WAIT_SECONDS = 25;
const at = (id) => document.getElementById(id);

let shown = null; // the job on screen: {id, etag, limit, stop}

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || "The server answered " + status + ".");
    this.status = status;
    this.faults = problem.errors || [];
  }
}

async function ask(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = { ...options.headers };
  if (key) headers.Authorization = "Bearer " + key;
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) at("key-form").hidden = false;
  if (!response.ok && response.status !== 304) {
    throw new Refused(response.status, await response.json().catch(() => ({})));
  }
  return response;
}

async function submit(event) {
  event.preventDefault();
  const urls = at("urls").value.split("\n").map((line) => line.trim()).filter(Boolean);
  const button = event.target.querySelector("button");
  button.disabled = true;
  at("urls-error").textContent = "";
  try {
    const body = { images: urls.map((url) => ({ url })), options: { beam_width: Number(at("beam").value) } };
    const response = await ask("/v1/jobs", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const job = await response.json();
    location.hash = job.id;
    at("urls").value = "";
  } catch (error) {
    at("urls-error").textContent = explain(error);
    at("urls").focus();
  } finally {
    button.disabled = false;
  }
}

function explain(error) {
  if (!error.faults || !error.faults.length) return error.message;
  return error.faults.slice(0, 8)
    .map((fault) => (fault.position === undefined ? fault.field : "Line " + (fault.position + 1)) + ": " + fault.message)
    .join("\n");
}

async function listJobs() {
  const { jobs } = await (await ask("/v1/jobs?limit=20")).json();
  at("no-jobs").hidden = jobs.length > 0;
  at("recent").replaceChildren(...jobs.map(jobLink));
}

function jobLink(job) {
  const link = document.createElement("a");
  link.href = "#" + job.id;
  if (shown && shown.id === job.id) link.setAttribute("aria-current", "true");
  const when = document.createElement("span");
  when.textContent = new Date(job.created_at).toLocaleString();
  const what = document.createElement("span");
  what.textContent = job.counts.total.toLocaleString() + " pictures, " + job.state;
  link.append(when, what);
  const item = document.createElement("li");
  item.append(link);
  return item;
}

async function show(id, limit = PAGE) {
  if (shown) shown.stop.abort();
  const mine = (shown = { id, etag: null, limit, stop: new AbortController() });
  at("pictures").replaceChildren();
  at("results").hidden = false;
  at("job-title").textContent = "Job " + id;
  at("results").focus({ preventScroll: true });
  while (mine === shown) {
    try {
      const job = await next(mine);
      if (mine !== shown) return;
      if (job) {
        showJob(job);
        await showPictures(mine, job);
      }
      if (job && job.finished_at) return listJobs();
    } catch (error) {
      if (mine !== shown || error.name === "AbortError") return;
      at("figures").textContent = explain(error);
      if (error.status === 404 || error.status === 401) return;
      await new Promise((resume) => setTimeout(resume, 3000));
    }
  }
}

async function next(mine) {
  const headers = mine.etag ? { "If-None-Match": mine.etag } : {};
  const wait = mine.etag ? "?wait=" + WAIT_SECONDS : "";
  const response = await ask("/v1/jobs/" + mine.id + wait, { headers, signal: mine.stop.signal });
  if (response.status === 304) return null;
  mine.etag = response.headers.get("ETag");
  return response.json();
}

function showJob(job) {
  const { counts, progress } = job;
  at("job-state").textContent = job.state;
  at("job-state").className = "state " + job.state;
  at("bar").value = progress.done;
  const words = [
    counts.succeeded.toLocaleString() + " of " + counts.total.toLocaleString() + " captioned",
  ];
  if (counts.failed) words.push(counts.failed.toLocaleString() + " failed");
  if (counts.canceled) words.push(counts.canceled.toLocaleString() + " canceled");
  if (progress.images_per_second) words.push(progress.images_per_second.toFixed(1) + " images/s");
  if (progress.estimated_end) words.push("done about " + new Date(progress.estimated_end).toLocaleTimeString());
  at("figures").textContent = words.join(" · ");
  at("cancel").hidden = Boolean(job.finished_at);
  at("retry").hidden = !(job.finished_at && counts.failed) || job.state === "canceled";
  for (const form of ["jsonl", "csv"]) at(form).href = job.links["captions_" + form];
}

async function showPictures(mine, job) {
  let path = job.links.images + "?limit=" + PAGE;
  let seen = 0;
  while (path && seen < mine.limit) {
    const page = await (await ask(path, { signal: mine.stop.signal })).json();
    if (mine !== shown) return;
    page.images.forEach(showPicture);
    seen += page.images.length;
    path = page.next;
  }
  at("more").hidden = !path;
}

function showPicture(image) {
  const item = at("image-" + image.position) || newPicture(image);
  if (item.dataset.state === image.state) return;
  item.dataset.state = image.state;
  item.className = image.state;
  item.querySelector(".caption").textContent = image.caption || image.message || image.state;
  item.querySelector(".detail").textContent = detail(image);
  if (image.state === "succeeded") loadThumbnail(item.querySelector("img"), image);
}

function newPicture(image) {
  const item = at("picture").content.firstElementChild.cloneNode(true);
  item.id = "image-" + image.position;
  item.querySelector(".source").textContent = image.key || image.url;
  at("pictures").append(item);
  return item;
}

function detail(image) {
  if (image.state === "failed") return image.code;
  if (image.state !== "succeeded") return "";
  return "confidence " + Math.round(image.confidence * 100) + " %" + (image.reused ? ", known from before" : "");
}

async function loadThumbnail(picture, image) {
  const response = await ask(image.thumbnail).catch(() => null);
  if (!response) return;
  const address = URL.createObjectURL(await response.blob());
  picture.onload = () => URL.revokeObjectURL(address);
  picture.src = address;
  picture.alt = image.caption;
  picture.hidden = false;
}

async function steer(action) {
  try {
    await ask("/v1/jobs/" + shown.id + "/" + action, { method: "POST" });
    show(shown.id);
  } catch (error) {
    at("figures").textContent = explain(error);
  }
}

async function download(event) {
  // A link cannot carry the key; a fetched file can be saved all the same.
  if (!sessionStorage.getItem("key")) return;
  event.preventDefault();
  const response = await ask(event.target.getAttribute("href"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = event.target.textContent;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function showHealth() {
  const response = await fetch("/readyz");
  const { parts = [] } = await response.json();
  const missing = parts.filter((part) => part.state !== "ok");
  at("health").textContent = missing.length
    ? "Not complete: " + missing.map((part) => part.name + " " + part.detail).join("; ")
    : "Everything is running.";
}

function open() {
  if (location.hash.startsWith("#job_")) show(location.hash.slice(1));
  listJobs().catch(() => {});
}

at("submit").addEventListener("submit", submit);
at("cancel").addEventListener("click", () => steer("cancel"));
at("retry").addEventListener("click", () => steer("retry"));
at("more").addEventListener("click", () => show(shown.id, shown.limit + 5 * PAGE));
for (const form of ["jsonl", "csv"]) at(form).addEventListener("click", download);
at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", at("key").value.trim());
  at("key-form").hidden = true;
  open();
});
addEventListener("hashchange", open);
open();
showHealth();
setInterval(showHealth, 15000);
