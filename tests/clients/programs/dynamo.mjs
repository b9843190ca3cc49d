// The JavaScript SDK's DynamoDB client: put, get, query; then what is forbidden.
import { createRequire } from "node:module";
const require = createRequire(process.env.MODULES + "/");
const { DynamoDBClient, PutItemCommand, GetItemCommand, DeleteItemCommand } = require("@aws-sdk/client-dynamodb");
const TableName = process.argv[2];
const client = new DynamoDBClient({});
await client.send(new PutItemCommand({ TableName, Item: { id: { S: "1" }, n: { N: "5" } } }));
const got = await client.send(new GetItemCommand({ TableName, Key: { id: { S: "1" } } }));
if (got.Item.n.N !== "5") throw new Error("another item");
console.log("DONE");
await client.send(new DeleteItemCommand({ TableName, Key: { id: { S: "1" } } }));
