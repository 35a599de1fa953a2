/** What the page is told when it starts: where the server is, and which rules are published on it. */

export interface Rule {
  name: string;
  attribute: string;
  operator: string;
  value: number;
}

export interface Config {
  server: string;
  service: string;
  attributeKey: string;
  rules: Rule[];
}

export async function loadConfig(): Promise<Config> {
  const answer = await fetch("config.json");
  if (!answer.ok) {
    throw new Error(`config.json: ${answer.status}`);
  }
  return (await answer.json()) as Config;
}
