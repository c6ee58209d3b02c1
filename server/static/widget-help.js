// The help as the element asks it, from another site: no cookies, and no address of the page around goes along.
const MOST_HITS = 3;
const NEAR = 0.2; // relevance that a near miss needs: no random list

// The server's refusal; `said` is its message in Russian, null where it has none, `seconds` when to come again, or null.
export class Refusal extends Error {
  constructor(response, reply) {
    super(`HTTP ${response.status}`);
    this.status = response.status;
    this.said = reply?.error?.message ?? null;
    this.seconds = Number(response.headers.get("Retry-After")) || null;
  }
}

// No reply could be read; `isAlive` says that the server is up all the same: then it may not know this site.
export class Unreachable extends Error {
  constructor(isAlive) {
    super(isAlive ? "no reply for this site" : "no connection");
    this.isAlive = isAlive;
  }
}

export class Help {
  #server;

  constructor(server) {
    this.#server = server.href.replace(/\/+$/, "");
  }

  // The whole address of a page of the help.
  address(path) {
    return this.#server + path;
  }

  ask(path, options) {
    return fetch(this.#server + path, { credentials: "omit", referrerPolicy: "no-referrer", ...options });
  }

  // The answer, the sections that it cites, and where it cites none, those that the search found (near misses, where
  // nothing answers). Raises Refusal or Unreachable, or AbortError by the signal.
  async find(query, platform, audience, signal) {
    const answer = await this.#post("/v1/answer", { query, platform: platform || null, audience: audience || null }, signal);
    const cited = new Set([...answer.steps, ...(answer.quote ? [answer.quote] : [])].map((part) => part.section_id));
    if (cited.size) return { answer, sources: await Promise.all([...cited].map((id) => this.#section(id, signal))), hits: [] };
    const filters = { platform: platform ? [platform] : [], audience: audience ? [audience] : [] };
    const found = await this.#post("/v1/search", { query, limit: MOST_HITS, filters }, signal);
    return { answer, sources: [], hits: found.answerable ? found.hits : found.near_misses.filter((hit) => hit.relevance >= NEAR) };
  }

  #section(id, signal) {
    return this.#read(`/v1/sections?${new URLSearchParams({ id })}`, { signal });
  }

  #post(path, body, signal) {
    const headers = { "Content-Type": "application/json" };
    return this.#read(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  }

  async #read(path, options) {
    const response = await this.ask(path, options).catch(async (error) => {
      throw error.name === "AbortError" ? error : new Unreachable(await this.#isAlive());
    });
    const reply = await response.json().catch((error) => {
      if (error instanceof SyntaxError) return null; // a proxy's page
      throw error;
    });
    if (!response.ok || !reply) throw new Refusal(response, reply);
    return reply;
  }

  async #isAlive() {
    try {
      await this.ask("/livez", { mode: "no-cors" }); // what comes back stays hidden, whether something does not
      return true;
    } catch {
      return false;
    }
  }
}
