{{/* The pod of a role. Takes `root`, `part` (its name), `values` and `account`. */}}
{{- define "relaunch.pod" -}}
{{- $root := .root }}
{{- $part := .part }}
{{- $values := .values }}
serviceAccountName: {{ .account }}
# Consumers alone speak to the API server.
automountServiceAccountToken: {{ eq $part "consumers" }}
# Variables such as RELAUNCH_API_PORT would be taken for settings.
enableServiceLinks: false
{{- include "relaunch.pullSecrets" $root }}
securityContext:
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{ toYaml . | nindent 4 | trim }}
    {{- if not .labelSelector }}
    labelSelector:
      matchLabels:
        {{- include "relaunch.selector" (dict "root" $root "part" $part) | nindent 8 }}
    {{- end }}
  {{- end }}
{{- end }}
{{- if include "relaunch.migratesInPods" $root }}
initContainers:
  - name: migration
    image: {{ include "relaunch.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: ["migrate"]
    securityContext:
      {{- include "relaunch.containerSecurity" $root | nindent 6 }}
    env:
      {{- include "relaunch.secretEnv" (dict "root" $root "part" $part "only" (list "database")) | nindent 6 }}
    resources:
      {{- toYaml $root.Values.migration.resources | nindent 6 }}
    volumeMounts:
      {{- include "relaunch.mounts" $root | nindent 6 }}
{{- end }}
containers:
  - name: relaunch
    image: {{ include "relaunch.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: {{ toJson $values.args }}
    securityContext:
      {{- include "relaunch.containerSecurity" $root | nindent 6 }}
    envFrom:
      - configMapRef:
          name: {{ $root.Release.Name }}-settings
    env:
      {{- include "relaunch.secretEnv" (dict "root" $root "part" $part) | nindent 6 }}
      {{- with $values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    ports:
      - name: http
        containerPort: 8080
        # Server-side apply of old clusters knows no default for it.
        protocol: TCP
    # A first start may wait for a database that is being made.
    startupProbe:
      httpGet: {path: {{ $root.Values.probes.startup | quote }}, port: http}
      periodSeconds: 2
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: {{ $root.Values.probes.liveness | quote }}, port: http}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet: {path: {{ $root.Values.probes.readiness | quote }}, port: http}
      periodSeconds: 5
      timeoutSeconds: 5
      # Receivers spool while the broker is away: they stay in as long as they can.
      failureThreshold: {{ ternary 12 3 (eq $part "receivers") }}
    {{- with $root.Values.preStopSeconds }}
    lifecycle:
      preStop:
        {{- if semverCompare ">=1.32.0-0" $root.Capabilities.KubeVersion.Version }}
        sleep: {seconds: {{ . }}}
        {{- else }}
        exec: {command: ["sleep", {{ . | toString | quote }}]}
        {{- end }}
    {{- end }}
    resources:
      {{- toYaml $values.resources | nindent 6 }}
    volumeMounts:
      {{- include "relaunch.mounts" $root | nindent 6 }}
volumes:
  {{- include "relaunch.volumes" (dict "root" $root "part" $part) | nindent 2 }}
{{- end -}}

{{- define "relaunch.mounts" -}}
- {name: data, mountPath: /var/lib/relaunch}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets/relaunch, readOnly: true}
{{- end -}}

{{- define "relaunch.volumes" -}}
- name: data
  emptyDir: {}
- name: tmp
  emptyDir: {}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- $context := . }}
      {{- range .root.Files.Get "files/secrets.json" | fromJsonArray }}
      {{- $secret := include "relaunch.secret" (dict "root" $context.root "value" .value) | fromJson }}
      {{- if and $secret.name (has $context.part .roles) (or (not $context.only) (has .value $context.only)) }}
      - secret:
          name: {{ $secret.name }}
          items:
            - {key: {{ $secret.key | quote }}, path: {{ kebabcase .value }}}
      {{- end }}
      {{- end }}
{{- end -}}

{{/* Secrets are files: a variable's value shows in every child and in many a dump. */}}
{{- define "relaunch.secretEnv" -}}
{{- $context := . }}
{{- range .root.Files.Get "files/secrets.json" | fromJsonArray }}
{{- $secret := include "relaunch.secret" (dict "root" $context.root "value" .value) | fromJson }}
{{- if and $secret.name (has $context.part .roles) (or (not $context.only) (has .value $context.only)) }}
- name: {{ .variable }}
  value: /run/secrets/relaunch/{{ kebabcase .value }}
{{- end }}
{{- end }}
{{- end -}}
