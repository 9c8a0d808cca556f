WITH before AS (
  SELECT a.event_id, max(e.event_us) AS before_us
  FROM anchor a
  JOIN pos e ON e.tenant_id = a.tenant_id AND e.store_id = a.store_id AND e.operator_id = a.operator_id
            AND e.kind = 'SIGN_OFF' AND NOT e.training AND NOT e.test
            AND e.event_us >= a.event_us - 43200000000 AND e.event_us < a.event_us
  GROUP BY a.event_id
),
approved AS (
  SELECT a.event_id, n.event_id AS approved_id, n.event_us, n.supervisor_id, n.operator_id, n.operator_id = a.operator_id AS own,
         p.smallest, p.percent, p.others_percent
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  LEFT JOIN before b ON b.event_id = a.event_id
  JOIN pos n ON n.tenant_id = a.tenant_id AND n.store_id = a.store_id AND n.supervisor_id <> n.operator_id
            AND NOT n.training AND NOT n.test
            AND n.event_us > coalesce(b.before_us, a.event_us - 43200000000) AND n.event_us <= a.event_us
  WHERE NOT a.training AND NOT a.test
),
of_each AS (
  SELECT event_id, supervisor_id, operator_id, own, max(smallest) AS smallest, max(percent) AS percent,
         max(others_percent) AS others_percent, count(approved_id) AS times,
         string_agg(approved_id, ',' ORDER BY event_us, approved_id) AS members
  FROM approved
  GROUP BY event_id, supervisor_id, operator_id, own
),
of_all AS (
  SELECT event_id, max(smallest) AS smallest, max(percent) AS percent, max(others_percent) AS others_percent,
         sum(CASE WHEN own THEN times ELSE 0 END) AS approvals, sum(CASE WHEN own THEN 0 ELSE times END) AS other_approvals
  FROM of_each
  GROUP BY event_id
),
of_one AS (
  SELECT event_id, supervisor_id, sum(CASE WHEN own THEN times ELSE 0 END) AS times, sum(CASE WHEN own THEN 0 ELSE times END) AS other_times,
         max(CASE WHEN own THEN members END) AS members,
         string_agg(CASE WHEN own THEN NULL ELSE concat(operator_id, ': ', CAST(times AS VARCHAR)) END, ', ' ORDER BY operator_id, event_id) AS times_of_others
  FROM of_each
  GROUP BY event_id, supervisor_id
)
SELECT t.event_id AS anchor_id,
       CASE WHEN t.other_approvals * 2 < t.approvals OR o.other_times * 100 >= t.others_percent * t.other_approvals THEN 'silent'
            ELSE 'fired' END AS outcome,
       CASE WHEN t.other_approvals * 2 < t.approvals THEN 'nobody_to_compare'
            WHEN o.other_times * 100 >= t.others_percent * t.other_approvals THEN 'approves_for_all'
            ELSE 'one_approver' END AS why,
       o.members, o.supervisor_id AS approver, o.times, t.approvals, o.other_times, t.other_approvals,
       o.times_of_others
FROM of_all t
JOIN of_one o ON o.event_id = t.event_id
WHERE t.approvals >= t.smallest AND o.times * 100 >= t.percent * t.approvals
