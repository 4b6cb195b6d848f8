SELECT at_ms, kind, id, type, name, url, path, title, channel, referrer_host, device, engaged_ms, scroll_pct,
       from_stage, to_stage, direction, cause, why, score, grade, criteria
FROM (
    SELECT toUnixTimestamp64Milli(event_time) AS at_ms, toUInt8(0) AS kind, event_id AS id,
           toString(type) AS type, name, url, path, title, toString(channel) AS channel, toString(referrer_host) AS referrer_host, toString(device) AS device, engaged_ms, scroll_pct,
           '' AS from_stage, '' AS to_stage, '' AS direction, '' AS cause, '' AS why, 0. AS score, '' AS grade, []::Array(String) AS criteria
    FROM events FINAL
    WHERE site = {site:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)}))
    ORDER BY event_time DESC, event_id DESC
    LIMIT 1 BY if(type IN ('dwell', 'scroll') AND view_id != '', concat(type, view_id), event_id)
    UNION ALL
    SELECT toUnixTimestamp64Milli(at), toUInt8(1), leftPad(toString(entry_no), 10, '0'),
           '', '', '', '', '', '', '', '', toUInt32(0), toUInt8(0),
           toString(from_stage), toString(to_stage), toString(direction), toString(cause), why, score, toString(grade), criteria::Array(String)
    FROM stage_log FINAL
    WHERE site = {site:String} AND track = {track:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)}))
)
WHERE (at_ms, kind, id) < ({after_at:Int64}, {after_kind:UInt8}, {after_id:String})
ORDER BY at_ms DESC, kind DESC, id DESC
LIMIT {limit:UInt64};
-- site = demo
-- track = main
-- leads = [8ecb14e6-509d-8d25-9374-e088bb933aad]
-- limit = 51
-- after_at = 1779278400000
-- after_kind = 1
-- after_id = 0000000002
