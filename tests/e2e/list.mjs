// AWS SDK for JavaScript v3, unmodified: lists buckets, then tries to write; one JSON line with what each call said.
import { ListBucketsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const s3 = new S3Client({ forcePathStyle: true });
const attempt = async (command) => {
  try {
    await s3.send(command);
    return "ok";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
console.log(
  JSON.stringify({
    list: await attempt(new ListBucketsCommand({})),
    put: await attempt(new PutObjectCommand({ Bucket: "story", Key: "from-node", Body: "Hello" })),
  }),
);
