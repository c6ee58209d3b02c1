// How the element looks. A constructed style sheet: sites with a strict policy allow it, as they do no inline style.
const LIGHT = {
  "accent": "#0b5fd0", "on-accent": "#ffffff", "surface": "#ffffff", "ground": "#f6f7f9", "text": "#1b1f24", "muted": "#57606a",
  "line": "#d5dae1", "control": "#7a838e", "selected": "#e4eefc", "mark": "#fff0b3", "warn": "#9a6700", "bad": "#b42318",
};
const DARK = {
  "accent": "#7db4ff", "on-accent": "#0b1a2e", "surface": "#1d2229", "ground": "#14171c", "text": "#e8ebef", "muted": "#a3adba",
  "line": "#333b46", "control": "#7d8896", "selected": "#28384f", "mark": "#5a4a00", "warn": "#e3b341", "bad": "#ff8a80",
};

function scheme(name, colours) {
  const set = Object.entries(colours).map(([token, colour]) => `--${token}: var(--support-${token}, ${colour});`);
  return `color-scheme: ${name}; ${set.join(" ")}`;
}

export const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: block; }
  :host([hidden]), [hidden] { display: none !important; }
  .widget { /* nothing of the page around is inherited but the variables */
    all: initial; ${scheme("light", LIGHT)}
    --radius: var(--support-radius, 10px);
    display: block; color: var(--text); overflow-wrap: break-word;
    font: var(--support-font, 17px/26px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  }
  @media (prefers-color-scheme: dark) {
    :host(:not([theme="light"])) .widget { ${scheme("dark", DARK)} }
  }
  :host([theme="dark"]) .widget { ${scheme("dark", DARK)} }

  *, *::before, *::after { box-sizing: border-box; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
  .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  a { color: var(--accent); text-underline-offset: 3px; text-decoration-thickness: 1px; }
  a:hover { text-decoration-thickness: 2px; }
  a[target]::after, [aria-labelledby="page-kind-section"] [role="option"]::after { content: "\u00a0↗"; content: "\u00a0↗" / " (в новой вкладке)"; }
  h2, h3, p, ul, ol, blockquote { margin: 0; }
  h2 { font-size: 1.2em; line-height: 1.35; }
  h2 a { text-decoration: none; }
  h2 a:hover { text-decoration: underline; }
  h3 { font-size: 1em; line-height: inherit; }
  mark { background: var(--mark); color: inherit; border-radius: 3px; }

  form { position: relative; display: flex; align-items: flex-end; gap: 8px; padding: 6px; background: var(--surface);
    border: 1px solid var(--control); border-radius: var(--radius); }
  form:focus-within { outline: 2px solid var(--accent); outline-offset: 2px; }
  .field { flex: 1; min-width: 0; display: flex; }
  textarea { flex: 1; min-width: 0; min-height: 44px; max-height: 200px; margin: 0; padding: 9px 10px; border: 0; resize: none;
    background: none; color: inherit; font: inherit; field-sizing: content; }
  textarea:focus { outline: none; }
  textarea::placeholder { color: var(--muted); opacity: 1; }
  textarea:placeholder-shown { height: 44px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
  button { min-height: 44px; padding: 8px 18px; border: 0; border-radius: calc(var(--radius) * .7); background: var(--accent);
    color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer; }
  button:hover { filter: brightness(1.08); }

  .suggestions { position: absolute; z-index: 10; top: calc(100% + 4px); left: 0; right: 0; padding-block: 8px;
    background: var(--surface); border: 1px solid var(--control); border-radius: var(--radius);
    box-shadow: 0 12px 32px rgb(0 0 0 / 20%); }
  [role="listbox"] { max-height: min(60vh, 520px); overflow-y: auto; }
  .kind { padding: 6px 16px 2px; color: var(--muted); font-size: .82em; line-height: 1.45; }
  [role="group"] + [role="group"] { margin-top: 4px; padding-top: 4px; border-top: 1px solid var(--line); }
  [role="option"] { padding: 9px 16px; cursor: pointer; font-size: .94em; line-height: 1.5; }
  [role="option"]:hover { background: var(--ground); }
  [aria-selected="true"] { background: var(--selected); box-shadow: inset 3px 0 var(--accent); }
  b { font-weight: 650; }

  .card { display: flow-root; margin-top: 12px; padding: 16px 20px; background: var(--surface); border: 1px solid var(--line);
    border-radius: var(--radius); }
  .card > * + * { margin-top: 12px; }
  .note { color: var(--muted); font-size: .82em; line-height: 1.45; }
  blockquote { padding: 4px 0 4px 16px; border-left: 3px solid var(--accent); }
  .steps { padding-left: 28px; }
  .steps > li + li { margin-top: 8px; }
  .steps > li::marker { color: var(--muted); font-variant-numeric: tabular-nums; }
  .steps ul { margin-top: 2px; padding-left: 20px; font-size: .94em; line-height: 1.5; }
  .danger { margin-top: 2px; color: var(--warn); font-size: .82em; line-height: 1.45; }
  .sections, .routes { padding: 0; list-style: none; }
  .sections li + li { margin-top: 12px; padding-top: 12px; border-top: 1px solid var(--line); }
  .sections a { font-weight: 600; }
  .routes li + li { margin-top: 8px; }
  details { border-top: 1px solid var(--line); }
  details[open] { padding-bottom: 12px; }
  details > * + * { margin-top: 8px; }
  summary { padding-block: 9px; min-height: 44px; color: var(--accent); cursor: pointer; }
  .more { padding-top: 12px; border-top: 1px solid var(--line); }
  details + .more { margin-top: 0; }
  .failure { border-left: 3px solid var(--bad); }
  .ways { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 20px; }
  .placeholder { display: grid; gap: 12px; animation: breathe 1.6s ease-in-out infinite alternate; }
  .placeholder span { height: 14px; margin: 0; border-radius: 7px; background: var(--line); }
  .placeholder .short { width: 40%; }
  @keyframes breathe { to { opacity: .55; } }
  @media (prefers-reduced-motion: reduce) { .placeholder { animation: none; } }
  @media (forced-colors: active) { [aria-selected="true"] { outline: 2px solid; outline-offset: -2px; } }
  @media (max-width: 600px) { .card { padding: 12px 16px; } button { padding-inline: 14px; } }
`);
