// @aws-sdk/lib-storage: upload of a stream in parts, range, listing; then what is forbidden.
import { createRequire } from "node:module";
import { Agent } from "node:http";
import { Readable } from "node:stream";
import { randomBytes } from "node:crypto";
const require = createRequire(process.env.MODULES + "/");
const { S3Client, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const Bucket = process.argv[2];
const virtual = process.env.STYLE === "virtual";
const lookup = (host, options, done) => options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
const client = new S3Client({
  forcePathStyle: !virtual,
  responseChecksumValidation: "WHEN_REQUIRED",
  ...(virtual ? { requestHandler: { httpAgent: new Agent({ lookup }) } } : {}),
});
const data = randomBytes(11 << 20);
await new Upload({ client, partSize: 5 << 20, params: { Bucket, Key: "mine/large", Body: Readable.from([data]) } }).done();
const got = await client.send(new GetObjectCommand({ Bucket, Key: "mine/large", Range: "bytes=5-9" }));
const part = Buffer.from(await got.Body.transformToByteArray());
if (!part.equals(data.subarray(5, 10))) throw new Error("another range");
const listed = await client.send(new ListObjectsV2Command({ Bucket, Prefix: "mine/" }));
if (listed.Contents.length !== 1) throw new Error("another listing");
console.log("DONE");
await client.send(new PutObjectCommand({ Bucket, Key: "theirs/x", Body: "x" }));
