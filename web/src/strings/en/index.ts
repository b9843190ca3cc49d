// All texts of the language, by the parts of the console.
import activity from "./activity.json";
import iam from "./iam.json";

export default { ...iam, ...activity };
