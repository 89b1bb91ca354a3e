import { downloadArtifact } from "./device_api/artifact_download.ts";
import { authenticate } from "./device_api/authentication.ts";
import { refreshControlMap, reportStatus, storeLog } from "./device_api/deployment_reports.ts";
import { patchInventory, replaceInventory } from "./device_api/inventory.ts";
import { nextV1, nextV1Get, nextV2 } from "./device_api/next_deployment.ts";
import { uploadArtifact } from "./management_api/artifact_upload.ts";
import * as artifacts from "./management_api/artifacts.ts";
import * as deployments from "./management_api/deployments.ts";
import * as devices from "./management_api/devices.ts";
import * as inventory from "./management_api/inventory.ts";
import { login, logout } from "./management_api/login.ts";
import { getConnection, wakeDevice } from "./remote/device_routes.ts";
import { downloadFile } from "./remote/file_download.ts";
import { uploadFile } from "./remote/file_upload.ts";
import { STORAGE_PATH } from "./records/download_links.ts";
import type { Access, Route } from "./router.ts";

const AUTH = "/api/devices/v1/authentication";
const ATTRIBUTES = "/api/devices/v1/inventory/device/attributes";
const DEVICE_V1 = "/api/devices/v1/deployments/device/deployments";
const DEVICE_V2 = "/api/devices/v2/deployments/device/deployments";
const USERS = "/api/management/v1/useradm/auth";
const DEVICES = "/api/management/v2/devauth/devices";
const INVENTORY = "/api/management/v1/inventory/devices";
const ARTIFACTS = "/api/management/v1/deployments/artifacts";
const ARTIFACTS_V2 = "/api/management/v2/deployments/artifacts";
const DEPLOYMENTS = "/api/management/v1/deployments/deployments";

const CONNECT = "/api/management/v1/deviceconnect/devices";

/** Every route of the server, except websockets. */
export const ROUTES: readonly Route[] = [
  row("POST", `${AUTH}/auth_requests`, "open", authenticate),
  row("PUT", ATTRIBUTES, "device", replaceInventory),
  row("PATCH", ATTRIBUTES, "device", patchInventory),
  row("POST", `${DEVICE_V2}/next`, "device", nextV2),
  row("GET", `${DEVICE_V2}/{id}/update_control_map`, "device", refreshControlMap),
  row("POST", `${DEVICE_V1}/next`, "device", nextV1),
  row("GET", `${DEVICE_V1}/next`, "device", nextV1Get),
  row("PUT", `${DEVICE_V1}/{id}/status`, "device", reportStatus),
  row("PUT", `${DEVICE_V1}/{id}/log`, "device", storeLog),
  row("GET", `${STORAGE_PATH}/{id}`, "open", downloadArtifact),
  row("HEAD", `${STORAGE_PATH}/{id}`, "open", downloadArtifact),

  row("POST", `${USERS}/login`, "open", login),
  row("POST", `${USERS}/logout`, "user", logout),

  row("GET", DEVICES, "user", devices.listDevices),
  row("POST", DEVICES, "user", devices.preauthorizeDevice),
  row("GET", `${DEVICES}/count`, "user", devices.countDevices),
  row("GET", `${DEVICES}/{id}`, "user", devices.getDevice),
  row("DELETE", `${DEVICES}/{id}`, "user", devices.removeDevice),
  row("DELETE", `${DEVICES}/{id}/auth/{aid}`, "user", devices.removeAuthSet),
  row("GET", `${DEVICES}/{id}/auth/{aid}/status`, "user", devices.getAuthSetStatus),
  row("PUT", `${DEVICES}/{id}/auth/{aid}/status`, "user", devices.setAuthSetStatus),

  row("GET", INVENTORY, "user", inventory.listInventories),
  row("GET", `${INVENTORY}/{id}`, "user", inventory.getInventory),
  row("PUT", `${INVENTORY}/{id}/group`, "user", inventory.setGroup),
  row("DELETE", `${INVENTORY}/{id}/group/{name}`, "user", inventory.leaveGroup),

  row("GET", ARTIFACTS, "user", artifacts.listAllArtifacts),
  row("POST", ARTIFACTS, "user", uploadArtifact),
  row("GET", `${ARTIFACTS}/list`, "user", artifacts.listArtifacts),
  row("GET", ARTIFACTS_V2, "user", artifacts.listArtifacts),
  row("GET", `${ARTIFACTS}/{id}`, "user", artifacts.getArtifact),
  row("PUT", `${ARTIFACTS}/{id}`, "user", artifacts.describeArtifact),
  row("DELETE", `${ARTIFACTS}/{id}`, "user", artifacts.removeArtifact),
  row("GET", `${ARTIFACTS}/{id}/download`, "user", artifacts.artifactLink),

  row("GET", DEPLOYMENTS, "user", deployments.listDeployments),
  row("POST", DEPLOYMENTS, "user", deployments.createDeployment),
  row("POST", `${DEPLOYMENTS}/group/{name}`, "user", deployments.createGroupDeployment),
  row("POST", `${DEPLOYMENTS}/statistics/list`, "user", deployments.listStatistics),
  row("GET", `${DEPLOYMENTS}/{id}`, "user", deployments.getDeployment),
  row("PUT", `${DEPLOYMENTS}/{id}/status`, "user", deployments.abortDeployment),
  row("GET", `${DEPLOYMENTS}/{id}/statistics`, "user", deployments.getStatistics),
  row("GET", `${DEPLOYMENTS}/{id}/devices`, "user", deployments.listAllRows),
  row("GET", `${DEPLOYMENTS}/{id}/devices/list`, "user", deployments.listRows),
  row("GET", `${DEPLOYMENTS}/{id}/device_list`, "user", deployments.listRowIds),
  row("GET", `${DEPLOYMENTS}/{id}/devices/{device}/log`, "user", deployments.getLog),

  row("GET", `${CONNECT}/{id}`, "user", getConnection),
  row("POST", `${CONNECT}/{id}/check-update`, "user", wakeDevice("check-update")),
  row("POST", `${CONNECT}/{id}/send-inventory`, "user", wakeDevice("send-inventory")),
  row("PUT", `${CONNECT}/{id}/upload`, "user", uploadFile),
  row("GET", `${CONNECT}/{id}/download`, "user", downloadFile),
  row("HEAD", `${CONNECT}/{id}/download`, "user", downloadFile),
];

function row(method: string, path: string, access: Access, handle: Route["handle"]): Route {
  return { method, path, access, handle };
}
