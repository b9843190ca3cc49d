// All texts of the language, by the parts of the console.
import activity from "./activity.json";
import iam from "./iam.json";
import workloads from "./workloads.json";

export default { ...iam, ...activity, ...workloads };
