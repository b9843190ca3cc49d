// AWS's SDKs for JavaScript that find their credentials by themselves: write and read an object, then what is forbidden.
// usage: endpoints.mjs v2|v3 BUCKET
import { createRequire } from "node:module";
const require = createRequire(process.env.MODULES + "/");
const [, , version, Bucket] = process.argv;
const clients = {
  v2: () => {
    const { S3 } = require("aws-sdk");
    const s3 = new S3({ maxRetries: 0 });
    return {
      put: (Key) => s3.putObject({ Bucket, Key, Body: "0123456789" }).promise(),
      get: async (Key) => (await s3.getObject({ Bucket, Key }).promise()).Body.toString(),
    };
  },
  v3: () => {
    const { S3Client, PutObjectCommand, GetObjectCommand } = require("@aws-sdk/client-s3");
    const s3 = new S3Client({ maxAttempts: 1 });
    return {
      put: (Key) => s3.send(new PutObjectCommand({ Bucket, Key, Body: "0123456789" })),
      get: async (Key) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body.transformToString(),
    };
  },
};
const { put, get } = clients[version]();
await put(`mine/${version}`);
if ((await get(`mine/${version}`)) !== "0123456789") throw new Error("another object");
console.log("DONE");
await put(`theirs/${version}`);
