"""What a day's work is told in, in both languages."""

WORDS = {
    "zh-CN": {
        "synced": "微信上共有 2 个模板",
        "too long": "最多",
        "waits": "等待审核",
        "own": "必须由另一个人审核",
        "published": "已发布，调用服务即刻使用。",
        "wrong": "不是有效的邮箱地址",
        "done": "导入完成",
        "new": "2",
        "delivered": "微信回执：已送达",
        "failed": "发送失败",
        "group": "接收人分组",
        "own campaign": "须由其他人批准",
        "campaign done": "所有消息均已有结果",
    },
    "en": {
        "synced": "WeChat lists 2 templates",
        "too long": "At most",
        "waits": "It waits for a review.",
        "own": "Somebody else must approve it",
        "published": "is published. Services send it from now on.",
        "wrong": "is not an e-mail address",
        "done": "Done.",
        "new": "2",
        "delivered": "WeChat's receipt: delivered",
        "failed": "It could not be sent",
        "group": "a recipient group",
        "own campaign": "Somebody else must approve it",
        "campaign done": "Every message has its result.",
    },
}
