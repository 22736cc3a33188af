// Bandwidth's SDK for Node, unmodified: one call a line of JSON on the standard input, what came of it on the standard output.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [url, vendors] = process.argv.slice(2);
const { Configuration, MFAApi } = createRequire(vendors + '/package.json')('bandwidth-sdk');

const clients = new Map();
const client = (username, password) => {
  const key = JSON.stringify([username, password]);
  if (!clients.has(key)) clients.set(key, new MFAApi(new Configuration({ username, password, basePath: url, serverIndex: -1 })));
  return clients.get(key);
};
const names = { messaging: 'generateMessagingCode', voice: 'generateVoiceCode', verify: 'verifyCode' };

for await (const line of createInterface({ input: process.stdin })) {
  const { call, account, user, password, body } = JSON.parse(line);
  let told;
  try {
    const answer = await client(user, password)[names[call]](account, body);
    told = { status: answer.status, body: answer.data };
  } catch (error) {
    if (!error.response) throw error;
    told = { raised: error.name, status: error.response.status, body: error.response.data };
  }
  console.log(JSON.stringify(told));
}
