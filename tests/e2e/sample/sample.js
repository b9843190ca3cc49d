// What AWS's first sample for its SDK for JavaScript (version 2) does, with the same packages: a bucket with a new name,
// and an object with a greeting in it. Nothing in it, or around it, says where AWS is.
const AWS = require("aws-sdk");
const uuid = require("node-uuid");

const s3 = new AWS.S3();
const Bucket = `node-sdk-sample-${uuid.v4()}`;
const Key = "hello_world.txt";

s3.createBucket({ Bucket }, (failed) => {
  if (failed) return console.log(String(failed));
  s3.putObject({ Bucket, Key, Body: "Hello World!" }, (error) => {
    console.log(error ? String(error) : `Successfully uploaded data to ${Bucket}/${Key}`);
  });
});
