// A service that was written for WeChat, with EasyWeChat as it comes from npm. It takes a line of
// JSON for each call to make, and prints one for each answer and each receipt.
'use strict';
const http = require('http');
const readline = require('readline');
const { OfficialAccount, ServerRequest } = require('node-easywechat');

const config = JSON.parse(process.argv[2]);
const print = (value) => process.stdout.write(JSON.stringify(value) + '\n');
const app = new OfficialAccount(config);

const server = http.createServer(async (incoming, outgoing) => {
  const own = new OfficialAccount(config);
  own.setRequest(await ServerRequest.createFromIncomingMessage(incoming));
  const handler = await own.getServer();
  handler.addEventListener('TEMPLATESENDJOBFINISH', async (message) => {
    print({ receipt: { msgid: message.MsgID, status: message.Status, openid: message.FromUserName } });
    return 'success';
  });
  const answer = await handler.serve();
  outgoing.end(answer.getBody().toString());
});
server.listen(0, '127.0.0.1', () => print({ port: server.address().port }));

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { get, post, body } = JSON.parse(line);
  try {
    const client = app.getClient();
    const answer = get ? await client.get(get) : await client.postJson(post, body);
    print({ answer: answer.toObject() });
  } catch (error) {
    print({ error: String(error) });
  }
}).on('close', () => process.exit(0));
