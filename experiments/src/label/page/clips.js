// Two clips on one clock. A clip is one picture that holds its frames row by row.

const HOLD = 0.5; // Seconds for which the last frame stays before the clips begin anew.
export const SPEEDS = [0.25, 0.5, 1, 2, 4];

export class Player {
  #canvases;
  #clips = null;
  #time = 0;
  #last = null;
  #onMoment;

  constructor(canvases, onMoment) {
    this.#canvases = canvases;
    this.#onMoment = onMoment;
    this.speed = 1;
    // Whoever asked their system for less motion starts the clips themselves.
    this.playing = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    requestAnimationFrame(now => this.#tick(now));
  }

  /// Shows a pair from its beginning: for each clip its picture and the layout of its frames.
  show(clips) {
    this.#clips = clips;
    this.#time = 0;
    this.#draw();
  }

  clear() {
    this.#clips = null;
    for (const canvas of this.#canvases) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  }

  /// Number of moments that the scrubber can choose, and how long they are.
  get moments() {
    return this.#clips ? Math.max(...this.#clips.map(clip => clip.layout.frames)) : 1;
  }

  get #secondsPerMoment() {
    return this.#clips ? Math.min(...this.#clips.map(clip => clip.layout.seconds_per_frame)) : 1;
  }

  get duration() {
    return this.#clips
      ? Math.max(...this.#clips.map(({ layout }) => (layout.frames - 1) * layout.seconds_per_frame))
      : 0;
  }

  /// Both clips at a moment, paused.
  seek(moment) {
    this.playing = false;
    this.#time = Math.min(Math.max(moment, 0) * this.#secondsPerMoment, this.duration);
    this.#draw();
  }

  step(by) {
    this.seek(Math.round(this.#time / this.#secondsPerMoment) + by);
  }

  #tick(now) {
    const elapsed = this.#last === null ? 0 : (now - this.#last) / 1000;
    this.#last = now;
    if (this.playing && this.#clips) {
      // A page that was in the background does not jump.
      this.#time += Math.min(elapsed, 0.25) * this.speed;
      if (this.#time > this.duration + HOLD * Math.min(this.speed, 1)) this.#time = 0;
      this.#draw();
    }
    requestAnimationFrame(next => this.#tick(next));
  }

  #draw() {
    if (!this.#clips) return;
    this.#clips.forEach(({ picture, layout }, side) => {
      const frame = Math.min(Math.floor(this.#time / layout.seconds_per_frame + 1e-6), layout.frames - 1);
      const [column, row] = [frame % layout.columns, Math.floor(frame / layout.columns)];
      const { width, height } = layout;
      this.#canvases[side]
        .getContext("2d")
        .drawImage(picture, column * width, row * height, width, height, 0, 0, width, height);
    });
    const time = Math.min(this.#time, this.duration);
    this.#onMoment(Math.round(time / this.#secondsPerMoment), time);
  }
}
