// Adds a camera, or changes one: address, test, which of its streams is which, save.
import { useState } from "react";
import { addCamera, changeCamera, type SetCamera, type TestDraft, testCamera } from "../../api/setup";
import { addressFault } from "../../lib/csv";
import { type CameraForm, cameraDraft, cameraFaults, cameraForm, isUrl, PRESENCE_BY, suggestId } from "../../lib/setup";
import { useStores } from "../session";
import { CameraTestShown } from "./CameraTestShown";
import { Refused, SelectField, TextField, Working } from "./Field";
import { FormSheet, useForm } from "./FormSheet";
import { useWork } from "./useWork";

type Props = {
  camera: SetCamera | null;
  known: readonly SetCamera[];
  store?: string;
  address?: string;
  close: () => void;
};

export function CameraSheet({ camera, known, store, address: given, close }: Props) {
  const { stores } = useStores();
  const fresh = camera === null;
  const { form, set, dirty } = useForm<CameraForm>(() =>
    camera
      ? cameraForm(camera)
      : {
          store_id: store ?? (stores.length === 1 ? (stores[0]?.id ?? "") : ""),
          camera_id: "",
          name: "",
          url: "",
          sub_url: "",
          onvif: "",
          username: "",
          password: "",
          presence: "own",
        },
  );
  const [address, setAddress] = useState(given ?? camera?.url ?? "");
  const test = useWork((draft: TestDraft, signal: AbortSignal) => testCamera(draft, signal));
  const save = (): Promise<unknown> => {
    const draft = cameraDraft(form, camera?.version);
    return fresh ? addCamera(draft) : changeCamera(draft);
  };
  const where = addressFault(address);

  // A test fills in what it found and what nobody has written yet.
  const [used, setUsed] = useState<unknown>(null);
  if (test.data && used !== test.data) {
    setUsed(test.data);
    const { main, sub, onvif } = test.data.urls;
    set({
      url: main ?? (isUrl(address) && /^rtsps?:/i.test(address) ? address : form.url),
      sub_url: sub ?? form.sub_url,
      onvif: onvif ?? form.onvif,
      camera_id:
        form.camera_id ||
        suggestId(
          known.filter((each) => each.store_id === form.store_id),
          address,
        ),
      name: form.name || (test.data.onvif?.model ?? ""),
    });
  }
  const start = () => {
    const draft: TestDraft = isUrl(address) ? { url: address } : { address };
    if (form.username) draft.username = form.username;
    if (form.password) draft.password = form.password;
    if (camera && form.password === null) {
      // The stored password is taken by the server; it never comes here. Without an address both streams are tried.
      if (address === camera.url) delete draft.url;
      draft.store_id = camera.store_id;
      draft.camera_id = camera.camera_id;
    }
    test.start(draft);
  };
  // Enter in the first field means to try it.
  const tryFirst = () => {
    const due = fresh && form.url === "" && where === null && !test.data;
    if (due) start();
    return due;
  };
  const urls = [
    ...new Set([test.data?.urls.main, test.data?.urls.sub].filter((each): each is string => Boolean(each))),
  ];

  return (
    <FormSheet
      title={fresh ? "Add a camera" : `Camera ${camera.name ?? camera.camera_id}`}
      verb={fresh ? "Add camera" : "Save"}
      close={close}
      wide
      dirty={dirty || (fresh && address !== (given ?? ""))}
      disabled={test.busy}
      faults={cameraFaults(form, known, fresh)}
      instead={tryFirst}
      save={save}
      cure={camera && <p>Somebody may have changed it meanwhile: close this, look at the list, and change it again.</p>}
    >
      {(shown) => (
        <>
          <fieldset>
            <legend>
              <b>1.</b> How it is reached
            </legend>
            <div className="fields">
              <TextField
                label="Address or URL"
                value={address}
                change={setAddress}
                placeholder="192.0.2.17 or rtsp://192.0.2.17/stream1"
                hint="With an address alone, its streams are asked for by ONVIF."
                fault={address !== "" && where ? `${where.charAt(0).toUpperCase()}${where.slice(1)}.` : null}
                focus
              />
              <TextField
                label="User name"
                value={form.username}
                change={(username) => set({ username })}
                fault={shown.username}
              />
              {form.password === null ? (
                <div className="field">
                  <span className="label">Password</span>
                  <span className="line kept">
                    <span>Stored</span>
                    <button type="button" className="button small" onClick={() => set({ password: "" })}>
                      Change or remove
                    </button>
                  </span>
                </div>
              ) : (
                <TextField
                  label="Password"
                  type="password"
                  value={form.password}
                  change={(password) => set({ password })}
                  hint={camera?.has_password ? "Empty removes the stored one." : undefined}
                />
              )}
            </div>
            <p className="line">
              <button type="button" className="button" disabled={test.busy || where !== null} onClick={start}>
                {test.data ? "Test again" : "Test"}
              </button>
              {test.busy && (
                <button type="button" className="button" onClick={test.stop}>
                  Stop
                </button>
              )}
              {!test.busy && !test.data && (
                <small className="quiet">The test logs in once, reads some seconds of video and changes nothing.</small>
              )}
            </p>
            {test.busy && (
              <Working what="Looking for the camera, logging in, reading its streams" seconds={test.seconds} />
            )}
            <Refused error={test.error} />
            {test.data && <CameraTestShown test={test.data} />}
          </fieldset>

          <fieldset>
            <legend>
              <b>2.</b> Its streams
            </legend>
            <div className="fields two-wide">
              <StreamField
                label="Main: recorded"
                value={form.url}
                urls={urls}
                change={(url) => set(url === form.sub_url ? { url, sub_url: form.url } : { url })}
                fault={shown.url}
              />
              <StreamField
                label="Sub: analysed (H.264, small)"
                value={form.sub_url}
                urls={urls}
                none="None: the main stream is analysed"
                change={(sub_url) =>
                  set(sub_url !== "" && sub_url === form.url ? { sub_url, url: form.sub_url } : { sub_url })
                }
                fault={shown.sub_url}
              />
              <TextField
                label="ONVIF: events and clock"
                value={form.onvif}
                change={(onvif) => set({ onvif })}
                placeholder="http://192.0.2.17/onvif/device_service"
                hint="Empty: what it reports within its stream is read all the same."
                fault={shown.onvif}
              />
            </div>
          </fieldset>

          <fieldset>
            <legend>
              <b>3.</b> What it is called and what it is for
            </legend>
            <div className="fields two-wide">
              <SelectField
                label="Store"
                value={form.store_id}
                disabled={!fresh}
                change={(store_id) => set({ store_id })}
                options={[
                  ...(fresh && form.store_id === "" ? [["", "Choose a store"] as const] : []),
                  ...stores.map((each) => [each.id, each.name] as const),
                ]}
                fault={shown.store_id}
              />
              <TextField
                label="Id"
                value={form.camera_id}
                disabled={!fresh}
                change={(camera_id) => set({ camera_id })}
                placeholder="till-3"
                hint={fresh ? "Stays for ever: recordings and alerts carry it." : "An id cannot be changed."}
                fault={shown.camera_id}
              />
              <TextField
                label="Name"
                value={form.name}
                change={(name) => set({ name })}
                placeholder="Till 3"
                hint="What people read."
              />
              <SelectField
                label="Who says whether somebody is in its zones"
                value={form.presence}
                change={(presence) => set({ presence: presence as CameraForm["presence"] })}
                options={PRESENCE_BY}
              />
            </div>
          </fieldset>
          {fresh && form.url !== "" && !test.data && !test.busy && (
            <p className="warn">It has not been tested. It can be added all the same; the list says how it is.</p>
          )}
        </>
      )}
    </FormSheet>
  );
}

type StreamProps = {
  label: string;
  value: string;
  urls: string[];
  none?: string;
  change: (url: string) => void;
  fault?: string | null;
};

// One of the streams that the test found, or any other URL.
function StreamField({ label, value, urls, none, change, fault }: StreamProps) {
  const [free, setFree] = useState(false);
  if (free || urls.length === 0 || (value !== "" && !urls.includes(value)))
    return <TextField label={label} value={value} change={change} placeholder={none ?? "rtsp://…"} fault={fault} />;
  return (
    <SelectField
      label={label}
      value={value}
      change={(url) => {
        if (url === "other") setFree(true);
        else change(url);
      }}
      options={[
        ...(none ? [["", none] as const] : value === "" ? [["", "Choose one"] as const] : []),
        ...urls.map((each) => [each, each] as const),
        ["other", "Another URL…"],
      ]}
      fault={fault}
    />
  );
}
